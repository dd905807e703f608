package pace

// surge notices refusals beyond a share that is usual, soon and without
// mistaking chance for them: a cumulative sum of what was refused less what
// would be borne. Source: Page, Continuous Inspection Schemes (1954).
type surge struct {
	sum    float64 // sends
	n, bad int     // answers since sum was last 0
}

// add takes an answer, and says that there is a surge. What is borne, and how
// much more is a surge, let chance raise one in 100,000 answers or so.
func (s *surge) add(good bool, usual float64) bool {
	s.n++
	s.sum -= 0.01 + 1.2*usual
	if !good {
		s.sum++
		s.bad++
	}
	if s.sum <= 0 {
		*s = surge{}
	}
	return s.sum > 8+50*usual
}
