-- +goose Up

CREATE TABLE IF NOT EXISTS pushd_receipt (
  job_id        TEXT    NOT NULL PRIMARY KEY,
  delivered     INTEGER NOT NULL DEFAULT 0,
  blocked       INTEGER NOT NULL DEFAULT 0,
  freq_limit    INTEGER NOT NULL DEFAULT 0,
  system_failed INTEGER NOT NULL DEFAULT 0,
  other         INTEGER NOT NULL DEFAULT 0,
  last_at       INTEGER NOT NULL,
  closed        INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX pushd_receipt_open ON pushd_receipt (closed, last_at);
CREATE TABLE IF NOT EXISTS pushd_receipt_page (
  job_id   TEXT    NOT NULL,
  page_no  INTEGER NOT NULL,
  rev      INTEGER NOT NULL,
  receipts BLOB    NOT NULL,
  PRIMARY KEY (job_id, page_no)
);
