-- The tables of deploy/php, beside the platform's own, as all files of migrations/
-- together make them: to be read. "php migrate.php" makes and updates them. MySQL
-- 5.6+, MariaDB 10.3+ and SQLite read this file; SQLite takes the end of each
-- table for a comment. All times are unix seconds. Names are ASCII and compare
-- byte for byte.

-- The access token of each account, kept by wxtoken.php.
-- 每个公众号的 access_token 缓存。
CREATE TABLE IF NOT EXISTS wx_access_token (
  appid        VARCHAR(64)   NOT NULL PRIMARY KEY,
  access_token VARCHAR(1024) NOT NULL DEFAULT '', -- '' = dropped
  expires_at   BIGINT        NOT NULL DEFAULT 0,
  fetched_at   BIGINT        NOT NULL DEFAULT 0,  -- when fetched, or tried ahead of time
  forced_at    BIGINT        NOT NULL DEFAULT 0,  -- last force_refresh
  force_day    INT           NOT NULL DEFAULT 0,  -- days since 1970 in Beijing
  force_count  INT           NOT NULL DEFAULT 0,  -- force_refresh on that day
  secret_hash  CHAR(32)      NOT NULL DEFAULT '', -- of the secret that earned the token
  failed_at    BIGINT        NOT NULL DEFAULT 0,  -- when WeChat gave no token, and
  failed_code  INT           NOT NULL DEFAULT 0,  -- why: its errcode,
  failed_text  VARCHAR(255)  NOT NULL DEFAULT '', -- its words
  busy_until   BIGINT        NOT NULL DEFAULT 0,  -- somebody fetches it until then,
  busy_by      CHAR(16)      NOT NULL DEFAULT ''  -- and who
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- What pushd refused, and when cron.php may ask again. The row (0, 0) is a
-- pause for all channels, after a 503 with Retry-After.
-- pushd 拒绝过的提醒，以及下次重试时间。
CREATE TABLE IF NOT EXISTS pushd_php_attempt (
  act_id     BIGINT      NOT NULL,
  start_time BIGINT      NOT NULL,
  next_try   BIGINT      NOT NULL,
  tries      INT         NOT NULL,
  answer     VARCHAR(64) NOT NULL, -- pushd's code, for people
  PRIMARY KEY (act_id, start_time)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Locks that all web servers see: whoever does something that only one may do.
-- 跨服务器的锁。
CREATE TABLE IF NOT EXISTS pushd_php_lock (
  name       CHAR(32) NOT NULL PRIMARY KEY, -- MD5
  busy_until BIGINT   NOT NULL,
  busy_by    CHAR(16) NOT NULL
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Which migrations there were. Tables that this file made have had them all, and
-- migrate.php finds that out.
-- 已执行的迁移。
CREATE TABLE IF NOT EXISTS pushd_php_schema (
  name       VARCHAR(64) NOT NULL PRIMARY KEY, -- core/001_tables; 'lease' is who is at it
  applied_at BIGINT      NOT NULL DEFAULT 0,
  busy_until BIGINT      NOT NULL DEFAULT 0,
  busy_by    CHAR(16)    NOT NULL DEFAULT ''
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
