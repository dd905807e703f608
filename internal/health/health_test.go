package health

import (
	"strings"
	"testing"
	"time"

	"pushd"
)

// The whole is as bad as its worst part, and the part says why.
func TestOf(t *testing.T) {
	for name, c := range map[string]struct {
		facts Facts
		level pushd.Level
		part  string
		text  string
	}{
		"all well":             {Facts{Running: 2}, pushd.OK, "jobs", "2 running"},
		"a silence":            {Facts{Silent: 9 * time.Second}, pushd.OK, "database", ""},
		"a long silence":       {Facts{Silent: 10 * time.Second}, pushd.Down, "database", "no write for 10s"},
		"wrong tables":         {Facts{Schema: "tables of version 3"}, pushd.Down, "schema", "version 3"},
		"a job is stuck":       {Facts{Running: 2, Stuck: []pushd.JobID{"a", "b"}, Unanswering: 1}, pushd.Down, "jobs", "60 s: a, b"},
		"WeChat is down":       {Facts{Running: 1, Unanswering: 3, Parked: 2}, pushd.Degraded, "jobs", "3 accounts; 1 running, 2 parked"},
		"a job waits":          {Facts{Parked: 1}, pushd.Degraded, "jobs", "0 running, 1 parked"},
		"no tokens":            {Facts{Tokens: "answers 500"}, pushd.Degraded, "token_endpoint", "500"},
		"no tokens, no tables": {Facts{Tokens: "answers 500", Schema: "none"}, pushd.Down, "token_endpoint", "500"},
		"the ledger went back": {Facts{Ledger: pushd.Degraded, LedgerText: "went back"}, pushd.Degraded, "ledger", "went back"},
		"a hold":               {Facts{Holds: "wx1, by a person"}, pushd.Degraded, "hold", "wx1"},
		"a silent host":        {Facts{Host: pushd.Degraded, HostText: "does cron.php run"}, pushd.Degraded, "host", "cron.php"},
		"a drain":              {Facts{Draining: true}, pushd.Degraded, "drain", "refused"},
		"staging":              {Facts{Staging: true, OnList: 4}, pushd.Degraded, "only_openids", "only 4"},
	} {
		if c.facts.Ledger == "" {
			c.facts.Ledger = pushd.OK
		}
		h := Of(c.facts)
		found := false
		for _, p := range h.Parts {
			found = found || p.Name == c.part && strings.Contains(p.Text, c.text)
		}
		if h.Status != c.level || !found || h.Draining != c.facts.Draining {
			t.Errorf("%s: %+v, want %s, and of %s %q", name, h, c.level, c.part, c.text)
		}
	}
}

func TestStuck(t *testing.T) {
	now := time.Unix(1e9, 0)
	if Stuck(now.Add(-time.Minute), now) || !Stuck(now.Add(-time.Minute-1), now) {
		t.Error("a job is stuck after a minute, and not before")
	}
}
