-- +goose Up

-- What is known of an account beside its jobs.
CREATE TABLE IF NOT EXISTS pushd_account (
  appid   VARCHAR(64) NOT NULL,
  version BIGINT      NOT NULL COMMENT 'rises with each job that is accepted',
  PRIMARY KEY (appid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

ALTER TABLE pushd_job
  ADD COLUMN first_n INT NOT NULL DEFAULT 0 COMMENT 'recipients who are attempted before it pauses itself; 0 = it does not',
  ADD COLUMN first_passed TINYINT NOT NULL DEFAULT 0 COMMENT 'a person has let the rest follow';
