-- +goose Up

-- What is held, until a person lifts it: one row for everything, one for each
-- account. Nearly always empty.
CREATE TABLE IF NOT EXISTS pushd_hold (
  scope   VARCHAR(64)  NOT NULL COMMENT 'an appid; empty = every account',
  reason  TEXT         NOT NULL,
  detail  TEXT         NOT NULL COMMENT 'for the jobs that wait',
  set_by  VARCHAR(255) NOT NULL COMMENT 'name of a key, or of a process',
  errcode INT          NOT NULL COMMENT 'of WeChat, because of which it was set; 0 = a person has',
  set_at  BIGINT       NOT NULL,
  stopped INT          NOT NULL COMMENT 'jobs that were at work then',
  PRIMARY KEY (scope)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One statement, so that a migration that was interrupted can be repeated.
ALTER TABLE pushd_job
  ADD COLUMN last_sent_at BIGINT NOT NULL DEFAULT 0 COMMENT 'when a send was last started, as the owner last reported';
