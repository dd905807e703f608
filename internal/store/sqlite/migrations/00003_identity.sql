-- +goose Up

CREATE UNIQUE INDEX IF NOT EXISTS pushd_job_msg_id ON pushd_job (msg_id);
