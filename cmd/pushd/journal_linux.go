package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// toJournal says that what is written to f goes to systemd's journal: systemd
// names the device and inode of that stream in JOURNAL_STREAM.
func toJournal(f *os.File, stream string) bool {
	var st unix.Stat_t
	return stream != "" && unix.Fstat(int(f.Fd()), &st) == nil && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
