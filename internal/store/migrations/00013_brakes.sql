-- +goose Up

-- What is known of an account beside its jobs.
CREATE TABLE IF NOT EXISTS pushd_account (
  appid   VARCHAR(64) NOT NULL,
  version BIGINT      NOT NULL COMMENT 'rises with each job that is accepted',
  PRIMARY KEY (appid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
