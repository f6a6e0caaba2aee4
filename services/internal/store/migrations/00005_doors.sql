-- What the doors let in and what they keep out: settings of sites and keys, marks of touchpoints,
-- refused messages, and the catalogue of what was sent.

-- +goose Up
ALTER TABLE sites
    ADD COLUMN IF NOT EXISTS privacy String COMMENT 'JSON object, empty for all defaults';

ALTER TABLE keys
    ADD COLUMN IF NOT EXISTS origins Array(String) COMMENT 'of pages that may send; empty: all',
    ADD COLUMN IF NOT EXISTS rate Float64 COMMENT 'messages per second; 0: the default';

-- All four are empty where unknown.
ALTER TABLE touchpoints
    ADD COLUMN IF NOT EXISTS device LowCardinality(String) COMMENT 'desktop, mobile, tablet or tv',
    ADD COLUMN IF NOT EXISTS browser LowCardinality(String),
    ADD COLUMN IF NOT EXISTS os LowCardinality(String),
    ADD COLUMN IF NOT EXISTS traffic LowCardinality(String) COMMENT 'bot, internal or empty';

-- Messages that were refused. Of the rows of one id a replayed one counts.
CREATE TABLE IF NOT EXISTS quarantine
(
    site        LowCardinality(String),
    received_at DateTime64(9, 'UTC') CODEC(Delta, ZSTD),
    id          FixedString(16),
    reason      LowCardinality(String),
    key_id      LowCardinality(String),
    message     String COMMENT 'a waystage.collect.v1.QuarantinedMessage' CODEC(ZSTD),
    replayed_at DateTime64(3, 'UTC') COMMENT '1970: not replayed'
)
ENGINE = ReplacingMergeTree(replayed_at)
PARTITION BY toYYYYMM(received_at)
ORDER BY (site, received_at, id)
TTL toDateTime(received_at) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;

-- Names that were sent: of events (no property, type event), and of properties and traits by event
-- (empty: a trait) and type of the value. Rows without either name count what found no room. A batch
-- that is done again is counted again.
CREATE TABLE IF NOT EXISTS catalogue
(
    site     LowCardinality(String),
    event    String,
    property String,
    type     LowCardinality(String) COMMENT 'event, text, number, boolean, array, object, overflow_event or overflow_property',
    count    SimpleAggregateFunction(sum, UInt64),
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_at  SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    examples SimpleAggregateFunction(groupUniqArrayArray(5), Array(String))
)
ENGINE = AggregatingMergeTree
ORDER BY (site, event, property, type);

-- +goose Down
DROP TABLE catalogue;
DROP TABLE quarantine;
ALTER TABLE touchpoints DROP COLUMN device, DROP COLUMN browser, DROP COLUMN os,
    DROP COLUMN traffic;
ALTER TABLE keys DROP COLUMN origins, DROP COLUMN rate;
ALTER TABLE sites DROP COLUMN privacy;
