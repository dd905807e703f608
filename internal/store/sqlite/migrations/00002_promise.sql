-- +goose Up

-- The texts that a job has sent, numbered from 1.
CREATE TABLE IF NOT EXISTS pushd_message (
  job_id     TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  message    TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (job_id, version)
);

-- One row: what this installation is known by.
CREATE TABLE IF NOT EXISTS pushd_install (
  id        INTEGER NOT NULL,
  salt      TEXT    NOT NULL,
  counter   INTEGER NOT NULL DEFAULT 0,
  raised_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (id)
);

ALTER TABLE pushd_job ADD COLUMN msg_id TEXT NULL;
ALTER TABLE pushd_job ADD COLUMN message_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pushd_job ADD COLUMN retry TEXT NOT NULL DEFAULT '';
ALTER TABLE pushd_job ADD COLUMN lease_term INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pushd_job ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;
