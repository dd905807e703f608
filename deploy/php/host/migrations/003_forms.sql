-- Forms that were sent, so that none makes two channels, and when owners last saved.

CREATE TABLE IF NOT EXISTS host_form (
  uin      BIGINT   NOT NULL,
  form_key CHAR(32) NOT NULL,
  act_id   BIGINT   NOT NULL,
  made_at  BIGINT   NOT NULL,
  PRIMARY KEY (uin, form_key)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;

CREATE TABLE IF NOT EXISTS host_saved (
  what     VARCHAR(16) NOT NULL,
  id       BIGINT      NOT NULL,
  saved_at BIGINT      NOT NULL,
  PRIMARY KEY (what, id)
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
