-- +goose Up

-- Tables that were made before version 5 get the column that new ones have.
ALTER TABLE pushd_job
  MODIFY COLUMN owner VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'who holds the lease';
