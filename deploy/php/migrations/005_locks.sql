-- Locks that all web servers see.
CREATE TABLE IF NOT EXISTS pushd_php_lock (
  name       CHAR(32) NOT NULL PRIMARY KEY,
  busy_until BIGINT   NOT NULL,
  busy_by    CHAR(16) NOT NULL
) /*!40101 ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin */;
