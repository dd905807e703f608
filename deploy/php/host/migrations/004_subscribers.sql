-- Who asked for the reminder of a channel (the audience "subscribers", and the proof
-- of consent), what is known of an account's callback, receipts on their way to pushd,
-- and an index by which signatures that are over are found.

CREATE TABLE IF NOT EXISTS host_subscriber (
  act_id   BIGINT        NOT NULL,
  openid   VARBINARY(64) NOT NULL,
  appid    VARCHAR(64)   NOT NULL,
  kind     VARCHAR(16)   NOT NULL,
  scene    VARBINARY(64) NOT NULL,
  asked_at BIGINT        NOT NULL,
  noted_us BIGINT        NOT NULL,
  promised SMALLINT      NOT NULL DEFAULT 0,
  left_at  BIGINT        NOT NULL DEFAULT 0,
  PRIMARY KEY (act_id, openid),
  UNIQUE (appid, openid, act_id)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

CREATE TABLE IF NOT EXISTS host_contact (
  appid         VARCHAR(64) NOT NULL PRIMARY KEY,
  token_version INT         NOT NULL DEFAULT 0,
  get_at        BIGINT      NOT NULL DEFAULT 0,
  event_at      BIGINT      NOT NULL DEFAULT 0,
  sealed_at     BIGINT      NOT NULL DEFAULT 0
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

CREATE TABLE IF NOT EXISTS host_receipt (
  appid     VARCHAR(64)     NOT NULL,
  signature CHAR(40)        NOT NULL,
  noted_at  BIGINT          NOT NULL,
  xml       VARBINARY(2000) NOT NULL,
  PRIMARY KEY (appid, signature)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

/*!40101 CREATE INDEX host_callback_seen ON host_callback (seen_at) */;
