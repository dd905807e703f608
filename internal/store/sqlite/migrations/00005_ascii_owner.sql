-- +goose Up

-- Nothing to do here: SQLite's text has no width and no character set.
SELECT 1;
