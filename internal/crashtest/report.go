package crashtest

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// The marks in docs/reliability.md between which a run writes its table.
const (
	markBegin = "<!-- written by make chaos: begin -->\n"
	markEnd   = "<!-- written by make chaos: end -->\n"
)

// writeInto replaces what is between the marks of a file.
func (t *Table) writeInto(path string, seed uint64) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	head, rest, ok := strings.Cut(string(text), markBegin)
	_, tail, ok2 := strings.Cut(rest, markEnd)
	if !ok || !ok2 {
		return errors.New("write results: " + path + " has no marks")
	}
	body := fmt.Sprintf("\nSeed %d; `make chaos SEED=%d` replays it. At most %d sends in flight per account.\n\n%s\n", seed, seed, Concurrency, t.Markdown())
	if err := os.WriteFile(path, []byte(head+markBegin+body+markEnd+tail), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}
