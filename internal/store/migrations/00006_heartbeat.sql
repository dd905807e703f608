-- +goose Up

ALTER TABLE pushd_install
  ADD COLUMN host_seen_at BIGINT NOT NULL DEFAULT 0 COMMENT 'when the last heartbeat of the host came; 0 = there was none';
