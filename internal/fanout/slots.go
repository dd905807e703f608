package fanout

// slots bounds how many jobs run at once in this process.
type slots struct{ taken chan struct{} }

func newSlots(n int) *slots { return &slots{make(chan struct{}, n)} }

func (s *slots) free() int { return cap(s.taken) - len(s.taken) }

func (s *slots) tryAcquire() bool {
	select {
	case s.taken <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *slots) release() { <-s.taken }
