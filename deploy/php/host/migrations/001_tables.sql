-- The first tables of the sample host. Later files of this directory add to them;
-- host/schema.sql shows what comes of all.

CREATE TABLE IF NOT EXISTS host_qrcode (
  appid      VARCHAR(64)  NOT NULL,
  scene      VARCHAR(64)  NOT NULL,
  ticket     VARCHAR(255) NOT NULL DEFAULT '',
  expires_at BIGINT       NOT NULL DEFAULT 0,
  retry_at   BIGINT       NOT NULL DEFAULT 0,
  PRIMARY KEY (appid, scene)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

CREATE TABLE IF NOT EXISTS host_follow (
  appid      VARCHAR(64)   NOT NULL,
  openid     VARBINARY(64) NOT NULL,
  created_at BIGINT        NOT NULL,
  kind       VARCHAR(16)   NOT NULL,
  scene      VARBINARY(64) NOT NULL,
  act_id     BIGINT        NOT NULL,
  noted_us   BIGINT        NOT NULL,
  left_at    BIGINT        NOT NULL DEFAULT 0,
  ref        CHAR(32)      NOT NULL,
  PRIMARY KEY (appid, openid, created_at, kind, scene),
  UNIQUE (act_id, noted_us, openid),
  UNIQUE (ref)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

CREATE TABLE IF NOT EXISTS host_callback (
  appid     VARCHAR(64) NOT NULL,
  signature CHAR(40)    NOT NULL,
  seen_at   BIGINT      NOT NULL,
  PRIMARY KEY (appid, signature)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

CREATE TABLE IF NOT EXISTS host_trial (
  nonce       CHAR(32)     NOT NULL PRIMARY KEY,
  uin         BIGINT       NOT NULL,
  appid       VARCHAR(64)  NOT NULL,
  template_id VARCHAR(128) NOT NULL,
  act_id      BIGINT       NOT NULL,
  expires_at  BIGINT       NOT NULL,
  state       VARCHAR(16)  NOT NULL DEFAULT 'waiting',
  detail      VARBINARY(1000) NOT NULL DEFAULT ''
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
