-- +goose Up

-- breaks older programs

CREATE TABLE IF NOT EXISTS pushd_account (
  appid   TEXT    NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL
);

ALTER TABLE pushd_job ADD COLUMN first_n INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pushd_job ADD COLUMN first_passed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pushd_job ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;

CREATE TABLE IF NOT EXISTS pushd_refusal (
  appid       TEXT    NOT NULL,
  openid      BLOB    NOT NULL,
  template_id TEXT    NOT NULL,
  refused_at  INTEGER NOT NULL,
  PRIMARY KEY (appid, openid)
);
CREATE INDEX pushd_refusal_age ON pushd_refusal (refused_at);
