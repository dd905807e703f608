-- +goose Up

-- One statement, so that a migration that was interrupted can be repeated.
ALTER TABLE pushd_install
  ADD COLUMN lost_from BIGINT NOT NULL DEFAULT 0 COMMENT 'since when the ledger has forgotten, the last time it went back; 0 = not known',
  ADD COLUMN lost_to BIGINT NOT NULL DEFAULT 0 COMMENT 'until when; 0 = it never went back';
