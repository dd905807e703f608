#!/bin/sh
# Draws the secrets that deploy/compose.yaml mounts, into deploy/compose/secrets;
# those that are there already stay. Containers read them as users of their own,
# so the files are open; on this machine the directory keeps everyone else out.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0700 secrets
cd secrets
umask 022
for name in db-root db-migrate db-pushd db-php api-key token-key host-secret host-password; do
	[ -s "$name" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$name"
done
[ -s migrate-dsn ] || printf 'pushd_migrate:%s@tcp(db:3306)/live' "$(cat db-migrate)" >migrate-dsn
[ -s mysql-dsn ] || printf 'pushd:%s@tcp(db:3306)/live' "$(cat db-pushd)" >mysql-dsn
echo "The host's password is $(cat host-password)"
