-- +goose Up

-- breaks older programs

ALTER TABLE pushd_job ADD COLUMN audience TEXT NOT NULL DEFAULT 'followers';
