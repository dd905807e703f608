package control

import (
	"context"
	"errors"
	"strings"
	"testing"

	"pushd"
	"pushd/internal/ledgertest"
)

// badStart is what a ledger says of a start in milliseconds.
var badStart = &pushd.ChannelError{Column: "start_time", Text: "is 1796040015000, which is no time of a stream in unix seconds (is it milliseconds?)"}

// badBook is a book whose channel can't be used.
type badBook struct{ *ledgertest.Memory }

func (badBook) Channel(context.Context, pushd.ActID) (pushd.Channel, error) {
	return pushd.Channel{}, badStart
}

// Who asks about such a channel hears which column it is and what to write, and
// no job is made.
func TestController_BadRow(t *testing.T) {
	d := newDesk()
	c := NewController(badBook{d.ledger}, d.cfg)
	compose := NewComposer(badComposer{}, d.cfg)
	for name, call := range map[string]func() error{
		"post":    func() error { _, err := c.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1"}); return err },
		"preview": func() error { _, err := compose.Preview(t.Context(), "wx1", "t", 1, nil); return err },
		"estimate": func() error {
			e, err := c.Estimate(t.Context(), pushd.Request{ActID: 1, AppID: "wx1"})
			if len(e.Problems) == 1 {
				return &e.Problems[0]
			}
			return err
		},
	} {
		var p *pushd.Problem
		if err := call(); !errors.As(err, &p) || p.Code != pushd.CodeChannelInvalid || p.Field != "start_time" || !strings.Contains(p.Text, "milliseconds") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(d.ledger.ByID) != 0 {
		t.Error("a job was made")
	}
}

type badComposer struct{ TextBook }

func (badComposer) Channel(context.Context, pushd.ActID) (pushd.Channel, error) {
	return pushd.Channel{}, badStart
}
