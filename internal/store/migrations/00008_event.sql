-- +goose Up

-- What has happened to jobs and accounts, when, by whom; for people to read.
-- The order is that of the time: nodes of a cluster give out ids of their own.
CREATE TABLE IF NOT EXISTS pushd_event (
  id          BIGINT       NOT NULL AUTO_INCREMENT,
  happened_at BIGINT       NOT NULL,
  last_at     BIGINT       NOT NULL COMMENT 'when last, if more than once',
  times       INT          NOT NULL COMMENT 'how often: of what happens again and again only the first have rows of their own',
  job_id      VARCHAR(24)  NOT NULL COMMENT 'empty = an account''s, or everything''s',
  appid       VARCHAR(64)  NOT NULL COMMENT 'empty = everything''s',
  kind        VARCHAR(16)  NOT NULL,
  by_whom     VARCHAR(255) NOT NULL COMMENT 'name of a key, or of a process',
  state       VARCHAR(16)  NOT NULL COMMENT 'of an end',
  reason      VARCHAR(32)  NOT NULL,
  detail      TEXT         NOT NULL,
  figures     TEXT         NOT NULL COMMENT 'JSON: number by name',
  PRIMARY KEY (id),
  KEY pushd_event_job (job_id, happened_at),
  KEY pushd_event_time (happened_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
