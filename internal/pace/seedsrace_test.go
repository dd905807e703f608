//go:build race

package pace

// seeds is one: these worlds have one goroutine, in which the race detector finds
// nothing, fifteen times as slowly. "make test" runs all without it, too.
const seeds = 1
