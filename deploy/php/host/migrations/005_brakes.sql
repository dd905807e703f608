-- How often an owner's reminders may go out; NULL: the platform's settings decide.

CREATE TABLE IF NOT EXISTS host_brakes (
  uin        BIGINT   NOT NULL PRIMARY KEY,
  min_gap    INT      NULL,
  per_day    INT      NULL,
  first      INT      NULL,
  quiet_from SMALLINT NULL,
  quiet_to   SMALLINT NULL
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
