-- Saved questions, written by hand through the API. Of several rows of one version the one saved
-- first counts. A row that says deleted has the number of the version that was the newest then, and
-- takes the name out of the list until a version comes after it.

-- +goose Up
CREATE TABLE IF NOT EXISTS saved_questions
(
    site     String,
    name     String,
    version  UInt32,
    deleted  Bool,
    id       UUID,
    title    String,
    kind     LowCardinality(String) COMMENT 'funnel or dropoff',
    content  String COMMENT 'words and question as JSON' CODEC(ZSTD),
    saved_at DateTime64(9, 'UTC') DEFAULT now64(9)
)
ENGINE = MergeTree
ORDER BY (site, name, version, saved_at, id);

-- +goose Down
DROP TABLE saved_questions;
