-- Written by hand through the API: sites, their keys, their maps.

-- +goose Up
CREATE TABLE IF NOT EXISTS sites
(
    site         String,
    display_name String,
    time_zone    String,
    created_at   DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY site;

-- A later row of a key takes the place of an earlier one.
CREATE TABLE IF NOT EXISTS keys
(
    site       String,
    id         String,
    kind       LowCardinality(String) COMMENT 'write, read or admin',
    hash       FixedString(32) COMMENT 'SHA-256 of the secret',
    label      String,
    created_at DateTime64(3, 'UTC'),
    revoked_at DateTime64(3, 'UTC') COMMENT '1970: not revoked'
)
ENGINE = ReplacingMergeTree(revoked_at)
ORDER BY (site, id);

-- Of several rows of one version the one published first counts.
CREATE TABLE IF NOT EXISTS maps
(
    site         String,
    version      UInt32,
    id           UUID,
    title        String,
    source       String CODEC(ZSTD),
    published_at DateTime64(9, 'UTC'),
    in_force_at  DateTime64(9, 'UTC')
)
ENGINE = MergeTree
ORDER BY (site, version, published_at, id);

-- +goose Down
DROP TABLE sites;
DROP TABLE keys;
DROP TABLE maps;
