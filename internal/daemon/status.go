package daemon

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/metrics"
	"pushd/internal/tokenclient"
)

// Alive says that the engine's own loop comes round.
func (d *Daemon) Alive() bool { return d.engine.Alive() }

// unready says why nothing may be changed; "" = it may.
func (d *Daemon) unready() string {
	if why := d.schema.wrong(); why != "" {
		return why
	}
	if !d.engine.Looked() {
		return "the ledger's counter has not been looked at yet (pushd_install)"
	}
	return ""
}

func (d *Daemon) health() pushd.Health {
	text := ""
	if h := d.tokens.Health(); h.Failing > 0 {
		text = fmt.Sprintf("no usable token for %d accounts; %s since %s: %s", h.Failing, h.AppID, h.Since.UTC().Format(time.RFC3339), h.Err)
	}
	h := d.engine.Health(cmp.Or(d.unready(), d.schema.lacking()), text)
	h.Draining = h.Draining || d.leaving.Load()
	return h
}

// messages counts what the webhook has taken and refused; false where there is
// none.
func (d *Daemon) messages() (sent, failed uint64, ok bool) {
	if d.courier == nil {
		return 0, 0, false
	}
	sent, failed = d.courier.Messages()
	return sent, failed, true
}

func (d *Daemon) tokenStats() metrics.TokenStats {
	n := d.tokens.Counts()
	h := d.tokens.Health()
	return metrics.TokenStats{Asks: n.Asks, Failures: n.Failures, Refusals: n.Refreshes[tokenclient.CauseRefused],
		Failing: h.Failing, Life: h.Life, InUse: h.InUse}
}

// countEvery is how often the answers are noted for the last hour.
const countEvery = 5 * time.Second

// count notes what WeChat answers, for the last hour, until ctx ends.
func (d *Daemon) count(ctx context.Context) {
	t := time.NewTicker(countEvery)
	defer t.Stop()
	for {
		d.hour.Note(time.Now(), d.engine.Stats().Answers)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// lastHour is what WeChat answered in the last hour, up to now.
func (d *Daemon) lastHour() []pushd.Minute {
	now := time.Now()
	d.hour.Note(now, d.engine.Stats().Answers)
	return d.hour.Minutes(now)
}
