-- The facts: what sites sent, once each, as the map in force attributed it. Everything else in
-- this database is derived from these tables or written by hand.

-- +goose Up

-- One row per stored touchpoint. It is also the layout that questions read: ordered by identity
-- and time, so that a person's journey is a run of rows.
CREATE TABLE IF NOT EXISTS touchpoints
(
    site         LowCardinality(String),
    identity     UInt64 CODEC(Delta, ZSTD),
    at           DateTime64(3, 'UTC') COMMENT 'the instant that counts' CODEC(DoubleDelta, LZ4),
    message_key  FixedString(16) COMMENT 'hash of site and message id',
    received_at  DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    batch_index  UInt32 CODEC(ZSTD),
    kind         LowCardinality(String) COMMENT 'track, page or screen',
    event        LowCardinality(String),
    touchpoint   LowCardinality(String) COMMENT 'empty: no rule of the map held',
    stage        LowCardinality(String) COMMENT 'empty: no rule of the map held',
    channel      LowCardinality(String) COMMENT 'empty: unknown',
    map_version  UInt32 COMMENT '0: no map was in force',
    message_id   String CODEC(ZSTD),
    user_id      String CODEC(ZSTD),
    anonymous_id String CODEC(ZSTD),
    group_id     String CODEC(ZSTD),
    occurred_at  DateTime64(9, 'UTC') COMMENT 'corrected for the sender''s clock' CODEC(Delta, ZSTD),
    original_at  DateTime64(9, 'UTC') COMMENT 'by the sender''s clock' CODEC(Delta, ZSTD),
    properties   String COMMENT 'canonical JSON object, empty for none' CODEC(ZSTD),
    context      String COMMENT 'canonical JSON object, empty for none' CODEC(ZSTD),
    stored_at    DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (site, identity, at, message_key, received_at, batch_index);

-- One row per end of each link, so that a person is found from any of its identities. forward
-- marks the row whose node is the visitor, or the id that an alias gives up.
CREATE TABLE IF NOT EXISTS links
(
    site         LowCardinality(String),
    node         UInt64,
    other        UInt64,
    forward      Bool,
    alias        Bool,
    occurred_at  DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    message_key  FixedString(16),
    received_at  DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    batch_index  UInt32,
    message_id   String CODEC(ZSTD),
    node_user    String COMMENT 'the node''s user id, empty if it is a visitor' CODEC(ZSTD),
    node_visitor String COMMENT 'the node''s anonymous id, empty if it is a user' CODEC(ZSTD),
    stored_at    DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree
ORDER BY (site, node, forward, alias, occurred_at, message_key, other, received_at, batch_index);

-- One row per trait of each identify message.
CREATE TABLE IF NOT EXISTS trait_writes
(
    site        LowCardinality(String),
    identity    UInt64,
    name        String,
    value       String COMMENT 'JSON literal; null unsets the trait' CODEC(ZSTD),
    occurred_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    message_key FixedString(16),
    received_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    batch_index UInt32,
    message_id  String CODEC(ZSTD),
    stored_at   DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD)
)
ENGINE = ReplacingMergeTree
ORDER BY (site, identity, name, occurred_at, message_key, received_at, batch_index);

-- One row per receipt of each message: of the copies of one message the one with the smallest
-- (received_at, batch_index) counts. Copies are looked for within 7 days, and the log that is
-- replayed holds 7 days.
CREATE TABLE IF NOT EXISTS receipts
(
    site         LowCardinality(String),
    message_key  FixedString(16),
    received_at  DateTime64(9, 'UTC'),
    batch_index  UInt32,
    identity     UInt64,
    anonymous_id String COMMENT 'the visitor seen with a user in this message, empty if none',
    previous_id  String COMMENT 'the id that an alias gives up, empty if it is none'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMMDD(received_at)
ORDER BY (site, message_key, received_at, batch_index)
TTL toDateTime(received_at) + INTERVAL 15 DAY
SETTINGS index_granularity = 256, min_compress_block_size = 8192, ttl_only_drop_parts = 1;

-- received_at of the newest stored touchpoint of each site.
CREATE TABLE IF NOT EXISTS freshness
(
    site        String,
    received_at SimpleAggregateFunction(max, DateTime64(9, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY site;

-- +goose Down
DROP TABLE freshness;
DROP TABLE touchpoints;
DROP TABLE links;
DROP TABLE trait_writes;
DROP TABLE receipts;
