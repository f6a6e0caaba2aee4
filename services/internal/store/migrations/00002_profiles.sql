-- Derived: who is whom and which persona, by identity. The row with the greatest derived_at
-- counts; it was read from the facts at that instant of the server's clock. Identities without a
-- row are persons of their own without traits.

-- +goose Up
CREATE TABLE IF NOT EXISTS profiles
(
    site          LowCardinality(String),
    identity      UInt64,
    person        UInt64 COMMENT 'smallest identity of the person',
    persona       LowCardinality(String),
    map_version   UInt32 COMMENT 'version whose persona rules were used',
    traits        String COMMENT 'canonical JSON object of the merged traits' CODEC(ZSTD),
    last_write_at DateTime64(3, 'UTC') COMMENT 'newest trait write of the person, 1970 if none',
    derived_at    DateTime64(9, 'UTC')
)
ENGINE = ReplacingMergeTree(derived_at)
ORDER BY (site, identity);

-- +goose Down
DROP TABLE profiles;
