#!/bin/sh
# After a removal. Secrets in /etc/pushd and the state in /var/lib/pushd stay,
# also when the package is purged: without the state the next pushd could not
# recognise a database that was restored from a copy.
set -e
root=${DPKG_ROOT:-}
case $1 in
remove | purge | 0) ;;
*) exit 0 ;;
esac
unit=/etc/systemd/system/pushd.service
if [ "$(head -n 1 "$root$unit" 2>/dev/null)" = "# Written by the package pushd. Changes belong into pushd.service.d." ]; then
	rm "$root$unit"
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
if [ "$1" = purge ]; then
	for left in /etc/pushd /var/lib/pushd /var/lib/private/pushd; do
		[ ! -e "$root$left" ] || [ -L "$root$left" ] || echo "pushd: $left is left, with what is in it"
	done
fi
