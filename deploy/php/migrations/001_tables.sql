-- The first tables. Later files of this directory add to them; schema.sql shows
-- what comes of all.

CREATE TABLE IF NOT EXISTS wx_access_token (
  appid        VARCHAR(64)   NOT NULL PRIMARY KEY,
  access_token VARCHAR(1024) NOT NULL DEFAULT '',
  expires_at   BIGINT        NOT NULL DEFAULT 0,
  fetched_at   BIGINT        NOT NULL DEFAULT 0,
  forced_at    BIGINT        NOT NULL DEFAULT 0,
  force_day    INT           NOT NULL DEFAULT 0,
  force_count  INT           NOT NULL DEFAULT 0
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

CREATE TABLE IF NOT EXISTS pushd_php_attempt (
  act_id     BIGINT      NOT NULL,
  start_time BIGINT      NOT NULL,
  next_try   BIGINT      NOT NULL,
  tries      INT         NOT NULL,
  answer     VARCHAR(64) NOT NULL,
  PRIMARY KEY (act_id, start_time)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
