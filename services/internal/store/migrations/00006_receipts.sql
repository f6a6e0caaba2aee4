-- Receipts last as long as a copy of their message may still come: quarantine is replayed for 90
-- days, its records then stay on the log for 7, and copies are looked for within 7 days.

-- +goose Up
ALTER TABLE receipts MODIFY SETTING materialize_ttl_recalculate_only = 1;
ALTER TABLE receipts MODIFY TTL toDateTime(received_at) + INTERVAL 105 DAY;

-- +goose Down
ALTER TABLE receipts MODIFY TTL toDateTime(received_at) + INTERVAL 15 DAY;
ALTER TABLE receipts RESET SETTING materialize_ttl_recalculate_only;
