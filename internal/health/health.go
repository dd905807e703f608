// Package health words how a process does, part by part, from what it knows of
// itself. What counts as down is decided here alone.
package health

import (
	"fmt"
	"strings"
	"time"

	"pushd"
)

const (
	// silentFor is how long the database may take no write until it counts as down.
	silentFor = 10 * time.Second
	// stuckFor is for how long a running job may record no outcome without a reason.
	stuckFor = time.Minute
)

// Facts are what a process knows of itself.
type Facts struct {
	Draining bool
	Silent   time.Duration // since the database last took a write
	Schema   string        // what is wrong with the tables, "" = nothing
	Tokens   string        // what is wrong with the token endpoint, "" = nothing

	Running     int // jobs, here
	Stuck       []pushd.JobID
	Parked      int // jobs, in the ledger
	Unanswering int // accounts to which WeChat gave no good answer when last heard of

	Ledger     pushd.Level // of the counter by which a database that went back is recognised
	LedgerText string

	Holds    string      // what is held until a person lifts it, "" = nothing
	Host     pushd.Level // of the host's cron, "" = unknown
	HostText string

	Staging bool // only recipients on a list are sent to
	OnList  int  // how many are on it
}

// Stuck says that a running job has last recorded an outcome, or begun to wait on
// purpose, so long ago that something is wrong with it.
func Stuck(last, now time.Time) bool { return now.Sub(last) > stuckFor }

// Of words the facts. The whole is as bad as its worst part.
func Of(f Facts) pushd.Health {
	h := pushd.Health{Status: pushd.OK, Draining: f.Draining}
	add := func(name string, level pushd.Level, text string) {
		h.Parts = append(h.Parts, pushd.HealthPart{Name: name, Status: level, Text: text})
		if level == pushd.Down || level == pushd.Degraded && h.Status == pushd.OK {
			h.Status = level
		}
	}
	wrong := func(name string, level pushd.Level, text string) {
		if text == "" {
			level = pushd.OK
		}
		add(name, level, text)
	}
	silence := ""
	if f.Silent >= silentFor {
		silence = fmt.Sprintf("has taken no write for %s", f.Silent.Round(time.Second))
	}
	wrong("database", pushd.Down, silence)
	wrong("schema", pushd.Down, f.Schema)
	level, text := f.jobs()
	add("jobs", level, text)
	if f.Ledger != pushd.OK {
		add("ledger", f.Ledger, f.LedgerText)
	}
	if f.Holds != "" {
		add("hold", pushd.Degraded, f.Holds)
	}
	wrong("token_endpoint", pushd.Degraded, f.Tokens)
	if f.Host != "" {
		add("host", f.Host, f.HostText)
	}
	if f.Draining {
		add("drain", pushd.Degraded, "shutting down; new jobs are refused")
	}
	if f.Staging {
		add("only_openids", pushd.Degraded, fmt.Sprintf("staging: only %d openids are sent to, everyone else is skipped", f.OnList))
	}
	return h
}

// jobs words the jobs that are stuck, and those that wait for the world.
func (f Facts) jobs() (pushd.Level, string) {
	switch {
	case len(f.Stuck) > 0:
		var ids []string
		for _, id := range f.Stuck {
			ids = append(ids, string(id))
		}
		return pushd.Down, "no outcome recorded for 60 s: " + strings.Join(ids, ", ")
	case f.Unanswering > 0:
		return pushd.Degraded, fmt.Sprintf("WeChat gives no good answer to %d accounts; %d running, %d parked", f.Unanswering, f.Running, f.Parked)
	case f.Parked > 0:
		return pushd.Degraded, fmt.Sprintf("%d running, %d parked", f.Running, f.Parked)
	}
	return pushd.OK, fmt.Sprintf("%d running", f.Running)
}
