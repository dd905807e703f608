-- +goose Up

ALTER TABLE pushd_install ADD COLUMN host_seen_at INTEGER NOT NULL DEFAULT 0;
