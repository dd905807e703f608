-- +goose Up

-- An older program would send to all where the first few were asked for.
-- breaks older programs

-- What is known of an account beside its jobs.
CREATE TABLE IF NOT EXISTS pushd_account (
  appid   VARCHAR(64) NOT NULL,
  version BIGINT      NOT NULL COMMENT 'rises with each job that is accepted',
  PRIMARY KEY (appid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

ALTER TABLE pushd_job
  ADD COLUMN first_n INT NOT NULL DEFAULT 0 COMMENT 'recipients who are attempted before it pauses itself; 0 = it does not',
  ADD COLUMN first_passed TINYINT NOT NULL DEFAULT 0 COMMENT 'a person has let the rest follow',
  ADD COLUMN forced TINYINT NOT NULL DEFAULT 0 COMMENT 'in spite of the brakes';

-- Who refuses an account's messages: they are left alone for some weeks.
CREATE TABLE IF NOT EXISTS pushd_refusal (
  appid       VARCHAR(64)    NOT NULL,
  openid      VARBINARY(128) NOT NULL,
  template_id VARCHAR(128)   NOT NULL COMMENT 'that was refused last',
  refused_at  BIGINT         NOT NULL,
  PRIMARY KEY (appid, openid),
  KEY pushd_refusal_age (refused_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
