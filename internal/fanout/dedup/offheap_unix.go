//go:build unix

package dedup

import (
	"syscall"
	"unsafe"
)

// offHeap returns n zeroed words outside the Go heap, and what frees them.
// A filter of 16 MB on the heap would let the collector wait until the heap
// has doubled, and cost the process twice its size.
func offHeap(n int) (words []uint64, free func()) {
	b, err := syscall.Mmap(-1, 0, n*8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]uint64, n), func() {}
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), n), func() { _ = syscall.Munmap(b) }
}
