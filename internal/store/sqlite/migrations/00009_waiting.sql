-- +goose Up

ALTER TABLE pushd_job ADD COLUMN waiting_since INTEGER NOT NULL DEFAULT 0;
