-- Tables of before took engine and collation from the server. Names compare byte
-- for byte, and a transaction holds.
/*!40101 ALTER TABLE wx_access_token ENGINE=InnoDB */;
/*!40101 ALTER TABLE wx_access_token CONVERT TO CHARACTER SET ascii COLLATE ascii_bin */;
/*!40101 ALTER TABLE pushd_php_attempt ENGINE=InnoDB */;
/*!40101 ALTER TABLE pushd_php_attempt CONVERT TO CHARACTER SET ascii COLLATE ascii_bin */;
