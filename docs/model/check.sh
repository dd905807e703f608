#!/bin/sh
# Looks at every state of delivery.pml, and shows that each wrong model is
# found out. On Debian, as root, installs spin if it is missing.
set -eu
cd "$(dirname "$0")"
if ! command -v spin >/dev/null; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "make model needs spin and a C compiler (Debian's packages spin, gcc, libc6-dev)" >&2
		exit 1
	fi
	apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends spin gcc libc6-dev >&2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# run WANT TITLE FLAGS...: one model; WANT is holds or broken.
run() {
	want=$1 title=$2
	shift 2
	dir=$work/run
	rm -rf "$dir" && mkdir "$dir" && cp delivery.pml "$dir"
	(
		cd "$dir"
		spin -a "$@" delivery.pml >spin.out || { cat spin.out >&2; exit 1; }
		cc "${OPT:--O0}" -w -DSAFETY -DNOFAIR -DVECTORSZ=512 -DMEMLIM=3000 -o pan pan.c
		timeout 600 ./pan -m100000 >pan.out 2>&1 || true
	)
	states=$(awk '/states, stored/ { print $1; exit }' "$dir/pan.out")
	depth=$(awk '/depth reached/ { sub(",", "", $6); print $6; exit }' "$dir/pan.out")
	errors=$(awk '/errors:/ { print $NF; exit }' "$dir/pan.out")
	seconds=$(awk '/elapsed time/ { print $4; exit }' "$dir/pan.out")
	memory=$(awk '/total actual memory/ { print $1; exit }' "$dir/pan.out")
	broken=$(sed -n 's/.*pan:1: assertion violated \(.*\) (at depth.*/\1/p' "$dir/pan.out" | head -n 1)
	got=holds
	if [ "$errors" != 0 ]; then got=broken; fi
	if [ -z "$errors" ] || grep -q 'max search depth too small\|out of memory' "$dir/pan.out"; then got=unfinished; fi
	printf '%-62s %-7s %9s states, depth %5s, %4s MB, %5s s%s\n' "$title" "$got" "$states" "$depth" "${memory%.*}" "$seconds" "${broken:+  $broken}"
	if [ "$got" != "$want" ]; then
		echo "    WANTED: $want" >&2
		failed=1
		if [ -f "$dir/delivery.pml.trail" ] && [ -n "${TRAIL:-}" ]; then
			(cd "$dir" && spin -k delivery.pml.trail "$@" -p delivery.pml) >"$TRAIL" && echo "    its trail is in $TRAIL" >&2
		fi
	fi
}

echo "The model. Processes: 2; kill -9 any number of times."
OPT=-O2 run holds "3 recipients, unknown" -DN=3
run holds "2 recipients, unknown, another channel sends once" -DN=2 -DOTHERS=1
run holds "2 recipients, unknown, zombies remember" -DN=2 -DZOMBIES
OPT=-O2 run holds "2 recipients, resend" -DN=2 -DRESEND

echo "It gets there: these are broken on purpose, by asking that it does not."
run broken "a job ends after two crashes" -DN=2 -DCRASHES=2 -DREACH_END
run broken "a message is repeated beyond the window, by resend" -DN=1 -DRESEND -DREACH_TWICE
run broken "a second 40241 proves the delivery" -DN=1 -DREACH_PROOF

echo "Wrong models."
run broken "the watermark after the send" -DN=2 -DWRONG_MARK_AFTER_SEND -DENDS_ONLY
run broken "writes without the epoch" -DN=2 -DWRONG_NO_FENCE
run broken "sent again beyond the window, though the setting is unknown" -DN=2 -DWRONG_NO_WINDOW
run broken "the first 40241 counts as delivered" -DN=2 -DOTHERS=1 -DWRONG_FIRST_40241_IS_DELIVERED
run broken "after a claim the wait for a 40241 does not begin again" -DN=2 -DOTHERS=1 -DWRONG_NO_WAIT_AFTER_CLAIM
run broken "an unknown code counts as delivered" -DN=2 -DWRONG_STRANGE_IS_DELIVERED
run broken "the lease is judged by another node's clock" -DN=2 -DWRONG_CLOCK
run broken "the lease counts from the renewal's answer" -DN=2 -DWRONG_LEASE_FROM_ANSWER

echo "A limit that is known: see README.md, What is assumed."
run broken "another channel sends in two consecutive minutes, unnoticed" -DN=1 -DOTHERS=2
exit $failed
