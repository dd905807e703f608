-- The platform's tables, as pushd reads them with its default settings.
--
-- For a new installation and for tests. A platform that has these tables
-- under other names keeps them, and sets PUSHD_CHANNEL_QUERY and
-- PUSHD_STATUS_UPDATE. pushd's own tables (pushd_…) are made by
-- "pushd migrate".
--
-- Loads on MySQL 5.7 and 8 and on MariaDB 10.3 and later, more than once if
-- need be. The tables must be transactional (InnoDB): the status of a
-- reminder and the job that stands behind it change together.

-- A channel.
CREATE TABLE IF NOT EXISTS activity (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  uin        BIGINT UNSIGNED NOT NULL COMMENT 'the owner',
  title      VARCHAR(255)    NOT NULL DEFAULT '',
  start_time INT UNSIGNED    NOT NULL DEFAULT 0 COMMENT 'start of the stream, unix seconds, 0 = not known',
  watch_url  VARCHAR(512)    NOT NULL DEFAULT '' COMMENT 'where the message leads',
  PRIMARY KEY (id),
  KEY activity_uin (uin),
  KEY activity_start_time (start_time)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The details of a channel, one row each.
CREATE TABLE IF NOT EXISTS activity_detail (
  id                 BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  act_id             BIGINT UNSIGNED NOT NULL COMMENT 'activity.id',
  content            TEXT            NULL,
  wxa_publish_qr     VARCHAR(255)    NOT NULL DEFAULT '',
  live_notify        TINYINT         NOT NULL DEFAULT 0 COMMENT '1 = remind the followers',
  live_notify_time   INT             NOT NULL DEFAULT 30 COMMENT 'minutes before the start',
  live_notify_status TINYINT         NOT NULL DEFAULT 0 COMMENT '0 not notified, 1 notifying, 2 done, 3 ended without completing; pushd alone writes it',
  audience           VARCHAR(32)     NOT NULL DEFAULT 'followers' COMMENT 'who is reminded: followers, subscribers (who asked for this stream), or tag:ID of the account',
  PRIMARY KEY (id),
  UNIQUE KEY activity_detail_act_id (act_id),
  KEY activity_detail_due (live_notify, live_notify_status)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- An owner of channels.
CREATE TABLE IF NOT EXISTS `user` (
  uin     BIGINT UNSIGNED NOT NULL,
  edition TINYINT         NOT NULL DEFAULT 0 COMMENT '0 free, 1 basic, 2 standard, 3 professional',
  PRIMARY KEY (uin)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The owner's WeChat Official Account. An account belongs to one owner: the
-- reminders of whoever holds an appid go to its followers. Names that WeChat
-- gives are ASCII and compare byte for byte.
CREATE TABLE IF NOT EXISTS user_wx_account (
  uin        BIGINT UNSIGNED NOT NULL,
  appid      VARCHAR(64)  CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'NULL = none yet',
  app_secret VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'pushd needs no access to it',
  PRIMARY KEY (uin),
  UNIQUE KEY user_wx_account_appid (appid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The owner's settings for messages.
CREATE TABLE IF NOT EXISTS user_wx_config (
  id                   BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  uin                  BIGINT UNSIGNED NOT NULL,
  act_live_template_id VARCHAR(128)    CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'template of the reminder',
  status               TINYINT         NOT NULL DEFAULT 1 COMMENT '1 = enabled',
  PRIMARY KEY (id),
  UNIQUE KEY user_wx_config_uin (uin)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
