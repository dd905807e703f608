#!/bin/sh
# Gives pushd and PHP their rights, those of docs/operations.md. It runs after each
# "pushd migrate" and "php migrate.php": MariaDB wants a table to exist before it
# gives rights on it.
set -eu
MYSQL_PWD=$(cat /run/secrets/db-root) mariadb --host=db --user=root live <<'SQL'
GRANT SELECT ON live.activity TO pushd@'%';
GRANT SELECT, UPDATE (live_notify_status) ON live.activity_detail TO pushd@'%';
GRANT SELECT (uin, appid) ON live.user_wx_account TO pushd@'%';
GRANT SELECT ON live.user_wx_config TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_job TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_page TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_progress TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_template TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_message TO pushd@'%';
GRANT SELECT, INSERT, UPDATE ON live.pushd_install TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_hold TO pushd@'%';
GRANT SELECT, INSERT, UPDATE ON live.pushd_account TO pushd@'%';
GRANT SELECT, INSERT, DELETE ON live.pushd_refusal TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_event TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_alarm TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_receipt TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_receipt_page TO pushd@'%';
GRANT SELECT ON live.host_subscriber TO pushd@'%';
GRANT SELECT ON live.pushd_schema TO pushd@'%';
GRANT SELECT ON live.pushd_schema_state TO pushd@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.wx_access_token TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_php_attempt TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_php_lock TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_qrcode TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_follow TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_callback TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_trial TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_form TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_saved TO php@'%';
GRANT SELECT, INSERT, UPDATE ON live.host_brakes TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_subscriber TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_contact TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_consent TO php@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON live.host_receipt TO php@'%';
GRANT SELECT ON live.pushd_php_schema TO php@'%';
SQL
