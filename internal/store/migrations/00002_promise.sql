-- +goose Up

-- The texts that a job has sent, numbered from 1: a correction in its middle
-- makes a new one, and each recipient's outcome keeps the number.
CREATE TABLE IF NOT EXISTS pushd_message (
  job_id     VARCHAR(24) NOT NULL,
  version    INT         NOT NULL,
  message    MEDIUMTEXT  NOT NULL COMMENT 'JSON, as in pushd_job.message',
  created_at BIGINT      NOT NULL,
  PRIMARY KEY (job_id, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One row: what this installation is known by. It travels with every copy of
-- the database.
CREATE TABLE IF NOT EXISTS pushd_install (
  id        TINYINT     NOT NULL COMMENT 'always 1',
  salt      VARCHAR(64) NOT NULL COMMENT 'client_msg_id derives from it; drawn once',
  counter   BIGINT      NOT NULL DEFAULT 0 COMMENT 'rises as long as any process runs',
  raised_at BIGINT      NOT NULL DEFAULT 0 COMMENT 'when it rose last',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- One statement, so that a migration that was interrupted can be repeated.
ALTER TABLE pushd_job
  ADD COLUMN msg_id VARCHAR(24) NULL COMMENT 'client_msg_id; NULL = id, of jobs before version 2',
  ADD COLUMN message_version INT NOT NULL DEFAULT 0 COMMENT 'of pushd_message; 0 = none was made yet',
  ADD COLUMN retry VARCHAR(8) NOT NULL DEFAULT '' COMMENT 'failed, unknown (both) or empty: who is sent to again',
  ADD COLUMN lease_term BIGINT NOT NULL DEFAULT 0 COMMENT 'microseconds a lease lasts without a renewal',
  ADD COLUMN mended BIGINT NOT NULL DEFAULT 0 COMMENT 'how often live_notify_status was put right';
