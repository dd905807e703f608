package fanout

import (
	"fmt"
	"strings"
	"time"

	"pushd"
)

// Health says how the engine does. schema and tokens are told by those who
// know: what is wrong with the tables, and with PHP's token endpoint
// ("" = nothing).
func (e *Engine) Health(schema, tokens string) pushd.Health {
	now := time.Now()
	h := pushd.Health{Status: pushd.OK, Draining: e.draining.Load()}
	add := func(name string, level pushd.Level, text string) {
		h.Parts = append(h.Parts, pushd.HealthPart{Name: name, Status: level, Text: text})
		if level == pushd.Down || level == pushd.Degraded && h.Status == pushd.OK {
			h.Status = level
		}
	}
	e.mu.Lock()
	silent := now.Sub(e.beat)
	e.mu.Unlock()
	switch {
	case silent >= 10*time.Second:
		add("database", pushd.Down, fmt.Sprintf("has taken no write for %s", silent.Round(time.Second)))
	default:
		add("database", pushd.OK, "")
	}
	if schema == "" {
		add("schema", pushd.OK, "")
	} else {
		add("schema", pushd.Down, schema)
	}
	level, text := e.jobsHealth(now)
	add("jobs", level, text)
	if level, text := e.house.Health(); level != pushd.OK {
		add("ledger", level, text)
	}
	if text := e.house.HoldHealth(); text != "" {
		add("hold", pushd.Degraded, text)
	}
	if tokens == "" {
		add("token_endpoint", pushd.OK, "")
	} else {
		add("token_endpoint", pushd.Degraded, tokens)
	}
	if level, text, seen := e.house.HostHealth(); seen {
		add("host", level, text)
	}
	if h.Draining {
		add("drain", pushd.Degraded, "shutting down; new jobs are refused")
	}
	if n := len(e.cfg.Only); e.cfg.Only != nil {
		add("only_openids", pushd.OK, fmt.Sprintf("staging: only %d openids are told, everyone else is skipped", n))
	}
	return h
}

// jobsHealth finds jobs that are stuck, and jobs that wait for the world.
func (e *Engine) jobsHealth(now time.Time) (pushd.Level, string) {
	var stuck []string
	running := 0
	for _, r := range e.running() {
		switch {
		case r.stuck(now):
			stuck = append(stuck, string(r.job.ID))
			running++
		default:
			running++
		}
	}
	switch {
	case len(stuck) > 0:
		return pushd.Down, "no outcome recorded for 60 s: " + strings.Join(stuck, ", ")
	case e.downFor(now) > 0:
		return pushd.Degraded, fmt.Sprintf("WeChat gives no good answer to %d accounts; %d running, %d parked", e.downFor(now), running, e.house.Parked())
	case e.house.Parked() > 0:
		return pushd.Degraded, fmt.Sprintf("%d running, %d parked", running, e.house.Parked())
	}
	return pushd.OK, fmt.Sprintf("%d running", running)
}

// downFor is to how many accounts WeChat gave no good answer when last heard of.
func (e *Engine) downFor(now time.Time) (accounts int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.accounts {
		if a.isDown(now) {
			accounts++
		}
	}
	return accounts
}

// stuck says that a running job has recorded no outcome for 60 s although it
// does not wait on purpose.
func (r *run) stuck(now time.Time) bool {
	last := max(r.recordAt.Load(), r.busyUntil.Load())
	return now.Sub(time.Unix(0, last)) > time.Minute
}
