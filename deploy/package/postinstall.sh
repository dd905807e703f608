#!/bin/sh
# After an installation or an upgrade; of the .deb with "configure", of the .rpm
# with the number of versions. DPKG_ROOT is set where dpkg fills another root
# without going there.
#
# Nothing is started: a new pushd wants its settings, and one that runs goes on
# until its tables are those of the new version.
set -e
root=${DPKG_ROOT:-}
[ "$1" = configure ] || [ "$1" -ge 1 ] 2>/dev/null || exit 0

# The unit hands secrets over as systemd 250 and later can. On older ones the
# unit for them is put before it; one that an administrator has put there is left
# alone. No link: "systemctl disable" would take it away.
unit=/etc/systemd/system/pushd.service
older=/usr/share/pushd/pushd-before-systemd-250.service
ours() { [ "$(head -n 1 "$root$unit" 2>/dev/null)" = "# Written by the package pushd. Changes belong into pushd.service.d." ]; }
version=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
if [ "${version:-250}" -lt 250 ]; then
	if ! getent passwd pushd >/dev/null; then
		useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin pushd
	fi
	chgrp pushd "$root/etc/pushd"
	if ours || { [ ! -e "$root$unit" ] && [ ! -L "$root$unit" ]; }; then
		install -D -m 0644 "$root$older" "$root$unit"
	fi
elif ours; then
	rm "$root$unit" # systemd was upgraded
fi

if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if systemctl -q is-active pushd.service; then
		echo "pushd: the old version goes on. Run \"pushd migrate\", then \"systemctl restart pushd\"."
		exit 0
	fi
fi
echo "pushd: see /usr/share/doc/pushd/docs/operations.md, \"Install\"; nothing was started."
