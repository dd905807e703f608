-- An access token is given only for the secret that earned it.
ALTER TABLE wx_access_token ADD COLUMN secret_hash CHAR(32) NOT NULL DEFAULT '';
