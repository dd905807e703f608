-- +goose Up

-- One row per job. The columns active_actid and active_appid are NULL when
-- they do not apply, so that their unique keys say: one active job per
-- channel, one running job per account.
-- Times are microseconds since 1970 on the database's clock, 0 = never.
CREATE TABLE IF NOT EXISTS pushd_job (
  id                TEXT    NOT NULL,
  actid             INTEGER NOT NULL,
  appid             TEXT    NOT NULL,
  start_time        INTEGER NOT NULL,
  run               INTEGER NOT NULL,
  state             TEXT    NOT NULL,
  reason            TEXT    NOT NULL DEFAULT '',
  detail            TEXT    NOT NULL,
  asked             TEXT    NOT NULL,
  message           TEXT    NULL,
  prepared_start    INTEGER NOT NULL DEFAULT 0,
  prepared_deadline INTEGER NOT NULL DEFAULT 0,
  rate              INTEGER NOT NULL DEFAULT 0,
  deadline          INTEGER NOT NULL,
  deadline_asked    INTEGER NOT NULL DEFAULT 0,
  notified          INTEGER NOT NULL DEFAULT 0,
  created_at        INTEGER NOT NULL,
  started_at        INTEGER NOT NULL DEFAULT 0,
  finished_at       INTEGER NOT NULL DEFAULT 0,
  parked_until      INTEGER NOT NULL DEFAULT 0,
  purged_at         INTEGER NOT NULL DEFAULT 0,
  kept              INTEGER NOT NULL DEFAULT 1,
  active_actid      INTEGER NULL,
  active_appid      TEXT    NULL,
  owner             TEXT    NOT NULL DEFAULT '',
  boot              TEXT    NOT NULL DEFAULT '',
  epoch             INTEGER NOT NULL DEFAULT 0,
  lease_until       INTEGER NOT NULL DEFAULT 0,
  send_rate         REAL    NOT NULL DEFAULT 0,
  walk_pass         INTEGER NOT NULL DEFAULT 0,
  walk_cursor       BLOB    NOT NULL DEFAULT '',
  walk_pages        INTEGER NOT NULL DEFAULT 0,
  walk_walked       INTEGER NOT NULL DEFAULT 0,
  walk_total        INTEGER NULL,
  walk_seen         INTEGER NOT NULL DEFAULT 0,
  walk_fresh        INTEGER NOT NULL DEFAULT 0,
  walk_pass_at      INTEGER NOT NULL DEFAULT 0,
  walk_complete     INTEGER NOT NULL DEFAULT 0,
  sent              INTEGER NOT NULL DEFAULT 0,
  skipped           INTEGER NOT NULL DEFAULT 0,
  failed            INTEGER NOT NULL DEFAULT 0,
  unsure            INTEGER NOT NULL DEFAULT 0,
  retries           INTEGER NOT NULL DEFAULT 0,
  in_doubt          INTEGER NOT NULL DEFAULT 0,
  errors            TEXT    NULL,
  quota_remain      INTEGER NULL,
  shortfall         INTEGER NULL,
  PRIMARY KEY (id),
  UNIQUE (actid, start_time, run),
  UNIQUE (active_actid),
  UNIQUE (active_appid)
);
CREATE INDEX IF NOT EXISTS pushd_job_newest ON pushd_job (created_at, id);
CREATE INDEX IF NOT EXISTS pushd_job_channel ON pushd_job (actid, created_at);
CREATE INDEX IF NOT EXISTS pushd_job_account ON pushd_job (appid, created_at);
CREATE INDEX IF NOT EXISTS pushd_job_state ON pushd_job (state, created_at);
CREATE INDEX IF NOT EXISTS pushd_job_finished ON pushd_job (finished_at);
CREATE INDEX IF NOT EXISTS pushd_job_kept ON pushd_job (kept, finished_at);
CREATE INDEX IF NOT EXISTS pushd_job_owner ON pushd_job (owner);

-- Who the followers are: written once, read in slices.
CREATE TABLE IF NOT EXISTS pushd_page (
  job_id            TEXT    NOT NULL,
  page_no           INTEGER NOT NULL,
  people            INTEGER NOT NULL,
  openids           BLOB    NOT NULL,
  PRIMARY KEY (job_id, page_no)
);

-- What became of them: written several times a second, so it holds no openid.
CREATE TABLE IF NOT EXISTS pushd_progress (
  job_id            TEXT    NOT NULL,
  page_no           INTEGER NOT NULL,
  people            INTEGER NOT NULL,
  epoch             INTEGER NOT NULL,
  rev               INTEGER NOT NULL DEFAULT 0,
  mark              INTEGER NOT NULL DEFAULT 0,
  doubt_at          INTEGER NOT NULL DEFAULT 0,
  outcomes          BLOB    NOT NULL,
  sent              INTEGER NOT NULL DEFAULT 0,
  skipped           INTEGER NOT NULL DEFAULT 0,
  failed            INTEGER NOT NULL DEFAULT 0,
  unsure            INTEGER NOT NULL DEFAULT 0,
  retries           INTEGER NOT NULL DEFAULT 0,
  in_doubt          INTEGER NOT NULL DEFAULT 0,
  errors            TEXT    NULL,
  PRIMARY KEY (job_id, page_no)
);

-- What the owner of an account wrote for a template.
CREATE TABLE IF NOT EXISTS pushd_template (
  appid             TEXT    NOT NULL,
  template_id       TEXT    NOT NULL,
  content           TEXT    NOT NULL,
  texts             TEXT    NOT NULL,
  url               TEXT    NOT NULL,
  miniprogram       TEXT    NULL,
  updated_at        INTEGER NOT NULL,
  PRIMARY KEY (appid, template_id)
);
