-- +goose Up

-- One row per job. The columns active_actid and active_appid are NULL when
-- they do not apply, so that their unique keys say: one active job per
-- channel, one running job per account.
-- owner has a key, and MySQL 5.6 has no key of more than 767 bytes: in utf8mb4
-- it would take 1,020.
-- Times are microseconds since 1970 on the database's clock, 0 = never.
CREATE TABLE IF NOT EXISTS pushd_job (
  id                VARCHAR(24)  NOT NULL,
  actid             BIGINT       NOT NULL,
  appid             VARCHAR(64)  NOT NULL,
  start_time        BIGINT       NOT NULL COMMENT 'of the channel, unix seconds, 0 = unknown',
  run               INT          NOT NULL COMMENT '0 for the first job of a reminder',
  state             VARCHAR(16)  NOT NULL,
  reason            VARCHAR(32)  NOT NULL DEFAULT '',
  detail            TEXT         NOT NULL,
  asked             MEDIUMTEXT   NOT NULL COMMENT 'JSON: what the POST said of the message',
  message           MEDIUMTEXT   NULL COMMENT 'JSON: what is sent',
  prepared_start    BIGINT       NOT NULL DEFAULT 0,
  prepared_deadline BIGINT       NOT NULL DEFAULT 0,
  rate              INT          NOT NULL DEFAULT 0 COMMENT 'ceiling, messages/s, 0 = none',
  deadline          BIGINT       NOT NULL,
  deadline_asked    TINYINT      NOT NULL DEFAULT 0,
  notified          TINYINT      NOT NULL DEFAULT 0 COMMENT 'has succeeded once',
  created_at        BIGINT       NOT NULL,
  started_at        BIGINT       NOT NULL DEFAULT 0,
  finished_at       BIGINT       NOT NULL DEFAULT 0,
  parked_until      BIGINT       NOT NULL DEFAULT 0,
  purged_at         BIGINT       NOT NULL DEFAULT 0 COMMENT 'pages and progress are gone',
  kept              TINYINT      NOT NULL DEFAULT 1 COMMENT '0 = nothing is left to purge',
  active_actid      BIGINT       NULL COMMENT 'actid while the job has not ended',
  active_appid      VARCHAR(64)  NULL COMMENT 'appid while the job is running',
  owner             VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'who holds the lease',
  boot              VARCHAR(64)  NOT NULL DEFAULT '',
  epoch             BIGINT       NOT NULL DEFAULT 0 COMMENT 'rises with every claim',
  lease_until       BIGINT       NOT NULL DEFAULT 0,
  send_rate         DOUBLE       NOT NULL DEFAULT 0,
  walk_pass         INT          NOT NULL DEFAULT 0,
  walk_cursor       VARBINARY(255) NOT NULL DEFAULT '',
  walk_pages        INT          NOT NULL DEFAULT 0,
  walk_walked       BIGINT       NOT NULL DEFAULT 0,
  walk_total        BIGINT       NULL,
  walk_seen         BIGINT       NOT NULL DEFAULT 0,
  walk_fresh        BIGINT       NOT NULL DEFAULT 0,
  walk_pass_at      BIGINT       NOT NULL DEFAULT 0,
  walk_complete     TINYINT      NOT NULL DEFAULT 0,
  sent              BIGINT       NOT NULL DEFAULT 0 COMMENT 'sums over pushd_progress, taken when the job ends',
  skipped           BIGINT       NOT NULL DEFAULT 0,
  failed            BIGINT       NOT NULL DEFAULT 0,
  unsure            BIGINT       NOT NULL DEFAULT 0 COMMENT 'the answer never came',
  retries           BIGINT       NOT NULL DEFAULT 0,
  in_doubt          BIGINT       NOT NULL DEFAULT 0,
  errors            MEDIUMTEXT   NULL COMMENT 'JSON: count by errcode',
  quota_remain      BIGINT       NULL,
  shortfall         BIGINT       NULL,
  PRIMARY KEY (id),
  UNIQUE KEY pushd_job_reminder (actid, start_time, run),
  UNIQUE KEY pushd_job_active_actid (active_actid),
  UNIQUE KEY pushd_job_active_appid (active_appid),
  KEY pushd_job_newest (created_at, id),
  KEY pushd_job_channel (actid, created_at),
  KEY pushd_job_account (appid, created_at),
  KEY pushd_job_state (state, created_at),
  KEY pushd_job_finished (finished_at),
  KEY pushd_job_kept (kept, finished_at),
  KEY pushd_job_owner (owner)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Who the followers are: written once, read in slices.
CREATE TABLE IF NOT EXISTS pushd_page (
  job_id  VARCHAR(24) NOT NULL,
  page_no INT         NOT NULL,
  people  INT         NOT NULL,
  openids MEDIUMBLOB  NOT NULL COMMENT 'each followed by a newline',
  PRIMARY KEY (job_id, page_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What became of them: written several times a second, so it holds no openid.
CREATE TABLE IF NOT EXISTS pushd_progress (
  job_id   VARCHAR(24) NOT NULL,
  page_no  INT         NOT NULL,
  people   INT         NOT NULL,
  epoch    BIGINT      NOT NULL COMMENT 'the only claim that may write',
  rev      BIGINT      NOT NULL DEFAULT 0 COMMENT 'rises with every write of a claim',
  mark     INT         NOT NULL DEFAULT 0 COMMENT 'people before it may have been sent to',
  doubt_at BIGINT      NOT NULL DEFAULT 0,
  outcomes MEDIUMBLOB  NOT NULL COMMENT 'runs of equal states and codes',
  sent     INT         NOT NULL DEFAULT 0,
  skipped  INT         NOT NULL DEFAULT 0,
  failed   INT         NOT NULL DEFAULT 0,
  unsure   INT         NOT NULL DEFAULT 0,
  retries  BIGINT      NOT NULL DEFAULT 0,
  in_doubt BIGINT      NOT NULL DEFAULT 0,
  errors   MEDIUMTEXT  NULL COMMENT 'JSON: count by errcode',
  PRIMARY KEY (job_id, page_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What the owner of an account wrote for a template.
CREATE TABLE IF NOT EXISTS pushd_template (
  appid       VARCHAR(64)  NOT NULL,
  template_id VARCHAR(128) NOT NULL,
  content     TEXT         NOT NULL COMMENT 'of the template, pasted from the console of WeChat',
  texts       MEDIUMTEXT   NOT NULL COMMENT 'JSON: text by field',
  url         TEXT         NOT NULL,
  miniprogram TEXT         NULL COMMENT 'JSON: appid and pagepath',
  updated_at  BIGINT       NOT NULL,
  PRIMARY KEY (appid, template_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
