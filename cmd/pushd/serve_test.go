package main

import "testing"

func TestMaxConns(t *testing.T) {
	for _, tc := range []struct {
		name        string
		concurrency int
		files       uint64
		want        int
	}{
		{"Default", 1024, 65536, 4608},
		{"FilesUnknown", 1024, 0, 4608},
		{"MoreConcurrency", 10_000, 65536, 11_250},
		{"FewFiles", 1024, 1024, 768},
		{"HardlyAnyFiles", 1024, 64, 8},
		{"Unlimited", 1024, 1<<64 - 1, 4608},
	} {
		if got := maxConns(tc.concurrency, tc.files); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	if files := openFiles(); files < 64 {
		t.Errorf("the limit of open files reads as %d", files)
	}
}
