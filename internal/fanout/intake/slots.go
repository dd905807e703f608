// Package intake bounds what a process takes on: how many jobs at once, and which
// jobs it leaves alone for a while because the ledger would not give them.
package intake

// Slots bounds how many jobs run at once in this process. It is safe for
// concurrent use.
type Slots struct{ taken chan struct{} }

// NewSlots has n slots, all of them free.
func NewSlots(n int) *Slots { return &Slots{make(chan struct{}, n)} }

// Free is how many slots are free just now.
func (s *Slots) Free() int { return cap(s.taken) - len(s.taken) }

// TryAcquire takes a slot, if one is free.
func (s *Slots) TryAcquire() bool {
	select {
	case s.taken <- struct{}{}:
		return true
	default:
		return false
	}
}

// Release gives a slot back.
func (s *Slots) Release() { <-s.taken }
