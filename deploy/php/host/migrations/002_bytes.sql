-- Tables of before took engine and collation from the server. Names compare byte
-- for byte, and a transaction holds.
/*!40101 ALTER TABLE host_qrcode ENGINE=InnoDB */;
/*!40101 ALTER TABLE host_qrcode CONVERT TO CHARACTER SET ascii COLLATE ascii_bin */;
/*!40101 ALTER TABLE host_follow ENGINE=InnoDB */;
/*!40101 ALTER TABLE host_follow MODIFY scene VARBINARY(64) NOT NULL */;
/*!40101 ALTER TABLE host_follow DROP PRIMARY KEY, ADD PRIMARY KEY (appid, openid, created_at, kind, scene) */;
/*!40101 ALTER TABLE host_follow CONVERT TO CHARACTER SET ascii COLLATE ascii_bin */;
/*!40101 ALTER TABLE host_callback ENGINE=InnoDB */;
/*!40101 ALTER TABLE host_callback CONVERT TO CHARACTER SET ascii COLLATE ascii_bin */;
/*!40101 ALTER TABLE host_trial ENGINE=InnoDB */;
/*!40101 ALTER TABLE host_trial MODIFY detail VARBINARY(1000) NOT NULL DEFAULT '' */;
/*!40101 ALTER TABLE host_trial CONVERT TO CHARACTER SET ascii COLLATE ascii_bin */;
