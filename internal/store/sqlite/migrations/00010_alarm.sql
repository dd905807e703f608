-- +goose Up

CREATE TABLE IF NOT EXISTS pushd_alarm (
  alarm_key TEXT    NOT NULL PRIMARY KEY,
  alarm     TEXT    NOT NULL,
  raised_at INTEGER NOT NULL,
  due_at    INTEGER NOT NULL,
  tries     INTEGER NOT NULL DEFAULT 0,
  sent_at   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pushd_alarm_due ON pushd_alarm (sent_at, due_at);
CREATE INDEX pushd_alarm_raised ON pushd_alarm (raised_at);
