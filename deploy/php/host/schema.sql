-- The tables of the sample host, beside those of deploy/php/schema.sql, as all
-- files of host/migrations/ together make them: to be read. "php migrate.php --host"
-- makes and updates them. MySQL 5.6+, MariaDB 10.3+ and SQLite read this file;
-- SQLite takes the end of each table for a comment. Times are unix seconds; noted_us is microseconds.
-- Names are ASCII and compare byte for byte.

-- The QR codes that were made, by scene: one WeChat call for all viewers.
-- 二维码缓存。
CREATE TABLE IF NOT EXISTS host_qrcode (
  appid      VARCHAR(64)  NOT NULL,
  scene      VARCHAR(64)  NOT NULL, -- live_<actid>, test_<nonce>
  ticket     VARCHAR(255) NOT NULL DEFAULT '',
  expires_at BIGINT       NOT NULL DEFAULT 0,
  retry_at   BIGINT       NOT NULL DEFAULT 0, -- WeChat refused: not before
  PRIMARY KEY (appid, scene)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Who followed or scanned, as the callback told. act_id 0: no channel's code.
-- 关注与扫码记录。
CREATE TABLE IF NOT EXISTS host_follow (
  appid      VARCHAR(64)   NOT NULL,
  openid     VARBINARY(64) NOT NULL,
  created_at BIGINT        NOT NULL, -- WeChat's CreateTime
  kind       VARCHAR(16)   NOT NULL, -- subscribe, SCAN
  scene      VARBINARY(64) NOT NULL, -- of any code, also one that another program made
  act_id     BIGINT        NOT NULL,
  noted_us   BIGINT        NOT NULL,
  left_at    BIGINT        NOT NULL DEFAULT 0, -- unsubscribed
  ref        CHAR(32)      NOT NULL, -- random: names this row in a link
  PRIMARY KEY (appid, openid, created_at, kind, scene),
  UNIQUE (act_id, noted_us, openid),
  UNIQUE (ref)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Signatures of callbacks that were acted on, for ten minutes.
-- 已处理的回调签名，防重放。
CREATE TABLE IF NOT EXISTS host_callback (
  appid     VARCHAR(64) NOT NULL,
  signature CHAR(40)    NOT NULL,
  seen_at   BIGINT      NOT NULL,
  PRIMARY KEY (appid, signature)
  /*!40101 , KEY host_callback_seen (seen_at) */
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Test messages that wait for somebody to scan their code.
-- 等待扫码的测试消息。
CREATE TABLE IF NOT EXISTS host_trial (
  nonce       CHAR(32)     NOT NULL PRIMARY KEY,
  uin         BIGINT       NOT NULL,
  appid       VARCHAR(64)  NOT NULL,
  template_id VARCHAR(128) NOT NULL,
  act_id      BIGINT       NOT NULL,
  expires_at  BIGINT       NOT NULL,
  state       VARCHAR(16)  NOT NULL DEFAULT 'waiting', -- sending, sent, failed
  detail      VARBINARY(1000) NOT NULL DEFAULT '' -- UTF-8, whatever the database's character set
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Forms that were sent: one that is sent twice makes one channel.
-- 已提交的表单，防止重复创建频道。
CREATE TABLE IF NOT EXISTS host_form (
  uin      BIGINT   NOT NULL,
  form_key CHAR(32) NOT NULL, -- random, made with the form
  act_id   BIGINT   NOT NULL,
  made_at  BIGINT   NOT NULL,
  PRIMARY KEY (uin, form_key)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- When owners last saved a channel (id: its number) or their settings (id: uin).
-- 最近保存时间。
CREATE TABLE IF NOT EXISTS host_saved (
  what     VARCHAR(16) NOT NULL, -- channel, settings
  id       BIGINT      NOT NULL,
  saved_at BIGINT      NOT NULL,
  PRIMARY KEY (what, id)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Who asked for the reminder of a channel, and how: the audience "subscribers",
-- and the proof of consent. One row a viewer and channel.
-- 订阅记录：谁、何时、以何种方式订阅了哪场直播的提醒。
CREATE TABLE IF NOT EXISTS host_subscriber (
  act_id   BIGINT        NOT NULL,
  openid   VARBINARY(64) NOT NULL,
  appid    VARCHAR(64)   NOT NULL,
  kind     VARCHAR(16)   NOT NULL, -- subscribe (followed by the code), SCAN, TAP (on the watch page)
  scene    VARBINARY(64) NOT NULL, -- of the code; of a TAP the page
  asked_at BIGINT        NOT NULL, -- when last asked for: WeChat's CreateTime, of a TAP our own
  noted_us BIGINT        NOT NULL, -- when it was written down
  promised SMALLINT      NOT NULL DEFAULT 0, -- 1: the reminder was still to come then
  left_at  BIGINT        NOT NULL DEFAULT 0, -- unsubscribed from the channel or the account
  PRIMARY KEY (act_id, openid),
  UNIQUE (appid, openid, act_id)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- What is known of an account's callback.
-- 公众号回调的状态。
CREATE TABLE IF NOT EXISTS host_contact (
  appid         VARCHAR(64) NOT NULL PRIMARY KEY,
  token_version INT         NOT NULL DEFAULT 0, -- raised when the token is renewed
  get_at        BIGINT      NOT NULL DEFAULT 0, -- WeChat last tried the address,
  event_at      BIGINT      NOT NULL DEFAULT 0, -- sent an event,
  sealed_at     BIGINT      NOT NULL DEFAULT 0  -- sent an encrypted one
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Receipts of delivered messages that wait to be handed on to pushd.
-- 等待转交给 pushd 的送达回执。
CREATE TABLE IF NOT EXISTS host_receipt (
  appid     VARCHAR(64)     NOT NULL,
  signature CHAR(40)        NOT NULL, -- of the callback that brought it
  noted_at  BIGINT          NOT NULL,
  xml       VARBINARY(2000) NOT NULL,
  PRIMARY KEY (appid, signature)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- Fresh consents of which pushd does not know yet: whoever has refused a message
-- is asked again. A row goes when pushd has answered.
-- 等待告知 pushd 的新同意：曾经拒收的粉丝会重新收到提醒。
CREATE TABLE IF NOT EXISTS host_consent (
  appid    VARCHAR(64)   NOT NULL,
  openid   VARBINARY(64) NOT NULL,
  noted_us BIGINT        NOT NULL, -- when the last one was written down
  PRIMARY KEY (appid, openid)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

-- How often an owner's reminders may go out; NULL: the platform's settings decide.
-- pushd reads the first three by its channel query (docs/host.md).
-- 每个主播的防打扰设置。
CREATE TABLE IF NOT EXISTS host_brakes (
  uin        BIGINT   NOT NULL PRIMARY KEY,
  min_gap    INT      NULL, -- minutes between two reminders of the account
  per_day    INT      NULL, -- reminders a day
  first      INT      NULL, -- so many recipients, then a person
  quiet_from SMALLINT NULL, -- minutes since 00:00: no reminder is to leave from here
  quiet_to   SMALLINT NULL  -- to here
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
