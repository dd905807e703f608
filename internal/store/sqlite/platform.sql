-- The tables of deploy/schema.sql for SQLite.

CREATE TABLE IF NOT EXISTS activity (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  uin        INTEGER NOT NULL,
  title      TEXT    NOT NULL DEFAULT '',
  start_time INTEGER NOT NULL DEFAULT 0,
  watch_url  TEXT    NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS activity_detail (
  id                 INTEGER PRIMARY KEY AUTOINCREMENT,
  act_id             INTEGER NOT NULL UNIQUE,
  content            TEXT    NULL,
  wxa_publish_qr     TEXT    NOT NULL DEFAULT '',
  live_notify        INTEGER NOT NULL DEFAULT 0,
  live_notify_time   INTEGER NOT NULL DEFAULT 30,
  live_notify_status INTEGER NOT NULL DEFAULT 0,
  audience           TEXT    NOT NULL DEFAULT 'followers'
);

CREATE TABLE IF NOT EXISTS user (
  uin     INTEGER PRIMARY KEY,
  edition INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS user_wx_account (
  uin        INTEGER PRIMARY KEY,
  appid      TEXT    NULL UNIQUE,
  app_secret TEXT    NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS user_wx_config (
  id                   INTEGER PRIMARY KEY AUTOINCREMENT,
  uin                  INTEGER NOT NULL UNIQUE,
  act_live_template_id TEXT    NOT NULL DEFAULT '',
  status               INTEGER NOT NULL DEFAULT 1
);
