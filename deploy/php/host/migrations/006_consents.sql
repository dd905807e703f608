-- Fresh consents of which pushd does not know yet: whoever refused before is asked again.

CREATE TABLE IF NOT EXISTS host_consent (
  appid    VARCHAR(64)   NOT NULL,
  openid   VARBINARY(64) NOT NULL,
  noted_us BIGINT        NOT NULL,
  PRIMARY KEY (appid, openid)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
