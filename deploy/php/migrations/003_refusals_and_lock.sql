-- What WeChat said a moment ago, for all who ask, and the lock of an account.
ALTER TABLE wx_access_token ADD COLUMN failed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE wx_access_token ADD COLUMN failed_code INT NOT NULL DEFAULT 0;
ALTER TABLE wx_access_token ADD COLUMN failed_text VARCHAR(255) NOT NULL DEFAULT '';
ALTER TABLE wx_access_token ADD COLUMN busy_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE wx_access_token ADD COLUMN busy_by CHAR(16) NOT NULL DEFAULT '';
