-- +goose Up

-- What WeChat says became of a job's accepted messages: the sums. They are written
-- together with the pages, and outlive them.
CREATE TABLE IF NOT EXISTS pushd_receipt (
  job_id        VARCHAR(24) NOT NULL,
  delivered     BIGINT      NOT NULL DEFAULT 0,
  blocked       BIGINT      NOT NULL DEFAULT 0,
  freq_limit    BIGINT      NOT NULL DEFAULT 0,
  system_failed BIGINT      NOT NULL DEFAULT 0,
  other         BIGINT      NOT NULL DEFAULT 0,
  last_at       BIGINT      NOT NULL COMMENT 'when the newest one was written',
  closed        TINYINT     NOT NULL DEFAULT 0 COMMENT 'the event about them was written',
  PRIMARY KEY (job_id),
  KEY pushd_receipt_open (closed, last_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The receipts of a page of recipients. They are in a table of their own, so that
-- nothing that a send waits for waits for them.
CREATE TABLE IF NOT EXISTS pushd_receipt_page (
  job_id   VARCHAR(24) NOT NULL,
  page_no  INT         NOT NULL,
  rev      BIGINT      NOT NULL COMMENT 'rises with every write: whoever has read an older one reads again',
  receipts BLOB        NOT NULL COMMENT 'four bits for each recipient',
  PRIMARY KEY (job_id, page_no)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
