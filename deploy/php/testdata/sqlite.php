<?php
// Makes a SQLite database (argument 1) with schema.sql and the account wx1,
// whose secret is argument 2.
$db = new PDO('sqlite:' . $argv[1]);
$db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$db->exec('CREATE TABLE user_wx_account (uin INTEGER PRIMARY KEY, appid TEXT, app_secret TEXT)');
$db->exec(file_get_contents(__DIR__ . '/../schema.sql'));
$db->prepare("INSERT INTO user_wx_account VALUES (1, 'wx1', ?)")->execute([$argv[2]]);
