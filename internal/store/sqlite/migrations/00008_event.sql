-- +goose Up

CREATE TABLE IF NOT EXISTS pushd_event (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  happened_at INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  times       INTEGER NOT NULL,
  job_id      TEXT    NOT NULL,
  appid       TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  by_whom     TEXT    NOT NULL,
  state       TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  detail      TEXT    NOT NULL,
  figures     TEXT    NOT NULL
);
CREATE INDEX IF NOT EXISTS pushd_event_job ON pushd_event (job_id, happened_at);
CREATE INDEX IF NOT EXISTS pushd_event_time ON pushd_event (happened_at);
