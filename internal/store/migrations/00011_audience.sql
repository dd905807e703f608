-- +goose Up

ALTER TABLE pushd_job
  ADD COLUMN audience VARCHAR(32) NOT NULL DEFAULT 'followers' COMMENT 'followers, subscribers, or tag:ID';
