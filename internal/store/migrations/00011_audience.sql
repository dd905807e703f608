-- +goose Up

-- An older program would send a tag's reminder to everyone who follows.
-- breaks older programs

ALTER TABLE pushd_job
  ADD COLUMN audience VARCHAR(32) NOT NULL DEFAULT 'followers' COMMENT 'followers, subscribers, or tag:ID';
