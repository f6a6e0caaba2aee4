-- Derived: journeys packed by identity and month, the fast way to questions whose steps are named
-- by stage, touchpoint or event alone. An element is an instant in milliseconds since 1970, and in
-- its lowest 22 bits the code of a label; code 0 says that a touchpoint of that instant was removed.
-- A touchpoint may stand here twice: who reads it must not mind.

-- +goose Up
CREATE TABLE IF NOT EXISTS journeys
(
    site     LowCardinality(String),
    month    UInt32 COMMENT 'as 202411',
    identity UInt64 CODEC(Delta, LZ4),
    touches  SimpleAggregateFunction(groupArrayArray, Array(UInt64)) CODEC(T64, LZ4)
)
ENGINE = AggregatingMergeTree
PARTITION BY month
ORDER BY (site, identity);

-- What the codes stand for. A label is here before the first touchpoint that has it.
CREATE TABLE IF NOT EXISTS labels
(
    site       LowCardinality(String),
    code       UInt32,
    event      String,
    touchpoint String,
    stage      String
)
ENGINE = ReplacingMergeTree
ORDER BY (site, code, event, touchpoint, stage);

-- +goose Down
DROP TABLE journeys;
DROP TABLE labels;
