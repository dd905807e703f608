#!/bin/sh
# Makes the database's users, with the rights of docs/operations.md on the
# platform's tables (grants.sh gives those on the others), and an
# owner who may log in to the sample host. MariaDB's image runs it once, with the
# tables, when the database is new.
set -eu
secret() { cat "/run/secrets/$1"; }
MYSQL_PWD=$(secret db-root) mariadb --user=root live <<SQL
CREATE USER pushd_migrate@'%' IDENTIFIED BY '$(secret db-migrate)';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON live.* TO pushd_migrate@'%';
CREATE USER pushd@'%' IDENTIFIED BY '$(secret db-pushd)';
CREATE USER php@'%' IDENTIFIED BY '$(secret db-php)';
GRANT SELECT ON live.user TO php@'%';
GRANT SELECT, INSERT, UPDATE ON live.activity TO php@'%';
GRANT SELECT, INSERT, UPDATE ON live.activity_detail TO php@'%';
GRANT SELECT, INSERT, UPDATE ON live.user_wx_account TO php@'%';
GRANT SELECT, INSERT, UPDATE ON live.user_wx_config TO php@'%';
INSERT INTO user (uin, edition) VALUES (1, 3);
SQL
