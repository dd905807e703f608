-- +goose Up

CREATE TABLE IF NOT EXISTS pushd_hold (
  scope   TEXT    NOT NULL,
  reason  TEXT    NOT NULL,
  detail  TEXT    NOT NULL,
  set_by  TEXT    NOT NULL,
  errcode INTEGER NOT NULL,
  set_at  INTEGER NOT NULL,
  stopped INTEGER NOT NULL,
  PRIMARY KEY (scope)
);

ALTER TABLE pushd_job ADD COLUMN last_sent_at INTEGER NOT NULL DEFAULT 0;
