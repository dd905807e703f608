#!/bin/sh
# Before a removal: an orderly stop, which leaves no recipient in doubt. Not before an
# upgrade: the old version goes on until it is restarted.
set -e
case $1 in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	systemctl --quiet disable --now pushd.service || true
fi
