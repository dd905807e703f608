-- +goose Up

ALTER TABLE pushd_job
  ADD COLUMN waiting_since BIGINT NOT NULL DEFAULT 0 COMMENT 'since when no message flows; 0 = some do';
