-- What rules about persons rest on: campaigns of touchpoints, groups and repeats of persons, and
-- whether all profiles follow the newest map.

-- +goose Up

-- All three are empty where unknown.
ALTER TABLE touchpoints
    ADD COLUMN IF NOT EXISTS campaign LowCardinality(String) COMMENT 'name as its maker wrote it',
    ADD COLUMN IF NOT EXISTS campaign_source LowCardinality(String),
    ADD COLUMN IF NOT EXISTS campaign_medium LowCardinality(String);

ALTER TABLE profiles
    ADD COLUMN IF NOT EXISTS groups String COMMENT 'canonical JSON object of the group joined last by type' CODEC(ZSTD),
    ADD COLUMN IF NOT EXISTS repeats Array(Tuple(touchpoint String, at Int64, before UInt32)) COMMENT 'where repeated touchpoints begin: after so many of that millisecond';

ALTER TABLE profiles
    MODIFY COLUMN map_version UInt32 COMMENT 'version whose rules about persons were used',
    MODIFY COLUMN last_write_at DateTime64(3, 'UTC') COMMENT 'newest fact the row rests on: trait write, group or needed touchpoint; 1970 if none';

-- Sites all of whose profiles were derived by a map version. Of the rows of a site the one with the
-- greatest version counts.
CREATE TABLE IF NOT EXISTS personas_current
(
    site        String,
    map_version UInt32
)
ENGINE = ReplacingMergeTree(map_version)
ORDER BY site;

-- +goose Down
DROP TABLE personas_current;
ALTER TABLE profiles DROP COLUMN repeats, DROP COLUMN groups;
ALTER TABLE touchpoints DROP COLUMN campaign, DROP COLUMN campaign_source,
    DROP COLUMN campaign_medium;
