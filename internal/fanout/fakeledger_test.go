package fanout

import (
	"context"

	"pushd"
	"pushd/internal/control"
	"pushd/internal/ledgertest"
)

// fakeLedger is the database of the simulation. What a process sees of it goes
// through a wire (see fakewire_test.go).
type fakeLedger = ledgertest.Memory

// fakeJob is a job as the database has it.
type fakeJob = ledgertest.Job

func newFakeLedger() *fakeLedger { return ledgertest.NewMemory() }

// setTexts gives account wx1 the texts of a template.
func setTexts(l *fakeLedger, t pushd.Texts) { _ = l.SaveTexts(context.Background(), "wx1", t) } // never fails

var _ control.Book = (*fakeLedger)(nil)

// newController takes POSTs and commands beside an engine, as the daemon has it.
func newController(book control.Book, e *Engine, brakes pushd.Brakes) *control.Controller {
	return control.NewController(book, control.Config{
		Workers: e, Account: e.Account(), Tokens: e.cfg.Tokens, Retry: e.Retrier(),
		DedupWindow: e.cfg.DedupWindow, Grace: e.cfg.Grace, Location: e.cfg.Location, Rate: e.cfg.Rate, TotalRate: e.cfg.TotalRate, Brakes: brakes,
	})
}
