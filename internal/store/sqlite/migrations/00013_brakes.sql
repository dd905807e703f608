-- +goose Up

CREATE TABLE IF NOT EXISTS pushd_account (
  appid   TEXT    NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL
);
