-- +goose Up

-- A migration of its own, so that one that was interrupted can be repeated.
CREATE UNIQUE INDEX pushd_job_msg_id ON pushd_job (msg_id);
