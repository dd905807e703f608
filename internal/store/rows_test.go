package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/ledgertest"
	"pushd/internal/mariadb"
)

// rowsMost is how many rows a statement of pushd's may look at. Lists of 200 jobs
// look at each one twice or three times.
const rowsMost = 1000

// past is a store on a long history, on a server that writes down each statement
// that looks at more rows than that.
type past struct {
	*fixture
	log  string // the file that the server writes
	read int    // how much of it was looked at
}

// busyChannel has had thousands of reminders.
const busyChannel = pushd.ActID(999)

// newPast makes the history. The server reads each row of an index by itself, so
// that rows which the storage engine leaves out count, too.
func newPast(t *testing.T) *past {
	t.Helper()
	log := filepath.Join(t.TempDir(), "slow")
	srv, err := mariadb.Start(t.Context(), mariadb.WithArgs(
		"--slow-query-log=1", "--slow-query-log-file="+log, "--long-query-time=0", fmt.Sprintf("--min-examined-row-limit=%d", rowsMost),
		"--optimizer-switch=index_condition_pushdown=off",
		"--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M", "--innodb-flush-log-at-trx-commit=0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	p := &past{fixture: onServer(t, srv), log: log}
	began := time.Now()
	p.set(ledgertest.History{Recent: 20_000, Old: 10_000, Within: 24 * time.Hour, From: 1000}.SQL())
	p.set(`UPDATE pushd_job SET actid = ?, start_time = created_at DIV 1000000 WHERE kept = 0 LIMIT 3000`, busyChannel)
	p.subscribers()
	p.set(`INSERT INTO subscriber (act_id, openid) SELECT ?, id FROM pushd_job`, busyChannel)
	p.set(`ANALYZE TABLE pushd_job`)
	t.Logf("made the history in %v", time.Since(began).Round(time.Millisecond))
	p.tooMany()
	return p
}

// finding is a statement in the server's log: what it says of it, and the
// statement.
var finding = regexp.MustCompile(`(?s)Rows_examined: (\d+).*?\n([^#].*?);\n(?:#|$)`)

// tooMany returns the statements that have looked at too many rows since it was
// called last.
func (p *past) tooMany() (found []string) {
	p.t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	fresh := string(text[p.read:])
	p.read = len(text)
	for _, m := range finding.FindAllStringSubmatch(fresh, -1) {
		found = append(found, m[1]+" rows: "+m[2])
	}
	return found
}

// begin makes a job of a new channel and claims it.
func (p *past) begin(act pushd.ActID) pushd.Job {
	p.t.Helper()
	j, err := p.Claim(p.ctx, alice, p.create(act, pushd.AppID(fmt.Sprint("wx", act))).ID, term)
	p.ok(err)
	return j
}

// calls are all that pushd asks of its database, by the name of the method.
func (p *past) calls(act pushd.ActID) map[string]func() error {
	ctx := p.ctx
	var j pushd.Job
	fresh := func(f func() error) func() error {
		return func() error {
			act++
			j = p.begin(act)
			return f()
		}
	}
	now, err := p.Now(ctx)
	p.ok(err)
	two := pushd.Page{No: 1, OpenIDs: openids("oA", "oB")}
	walk := pushd.Walk{Pass: 1, Pages: 1, Walked: 2, Complete: true}
	recorded := func() error {
		p.ok(p.StorePage(ctx, j.Lease(), two, walk))
		return p.Record(ctx, j.Lease(), []pushd.Progress{ledgertest.ProgressOf(1, sent, failed)})
	}
	done := func() error {
		p.ok(recorded())
		return p.Finish(ctx, j.Lease(), succeeded)
	}
	oldest := pushd.JobID(p.text(`SELECT id FROM pushd_job ORDER BY finished_at LIMIT 1`))
	return map[string]func() error{
		"Now":       func() error { _, err := p.Now(ctx); return err },
		"TakeBack":  fresh(func() error { _, err := p.TakeBack(ctx, pushd.Owner{Instance: "alice", Boot: "2"}); return err }),
		"Leases":    func() error { _, err := p.Leases(ctx); return err },
		"Lapse":     fresh(func() error { p.lapse(j.ID); return nil }),
		"Due":       func() error { _, err := p.Due(ctx, 100); return err },
		"Claim":     fresh(func() error { return nil }),
		"Renew":     fresh(func() error { _, err := p.Renew(ctx, alice, term, []pushd.Held{{Lease: j.Lease()}}); return err }),
		"Orders":    func() error { _, err := p.Orders(ctx, alice); return err },
		"Release":   fresh(func() error { return p.Release(ctx, j.Lease()) }),
		"Park":      fresh(func() error { return p.Park(ctx, j.Lease(), pushd.Parking{Until: future}) }),
		"StorePage": fresh(func() error { return p.StorePage(ctx, j.Lease(), two, walk) }),
		"SaveWalk":  fresh(func() error { return p.SaveWalk(ctx, j.Lease(), pushd.Walk{}) }),
		"StartOver": fresh(func() error { p.ok(recorded()); return p.StartOver(ctx, j.Lease(), 0) }),
		"Progress":  fresh(func() error { p.ok(recorded()); _, err := p.Progress(ctx, j.ID, 1, 10); return err }),
		"People":    fresh(func() error { p.ok(recorded()); _, err := p.People(ctx, j.ID, 1, 0, 100); return err }),
		"Record":    fresh(recorded),
		"Reload":    fresh(func() error { _, err := p.Reload(ctx, j.ID); return err }),
		"Last":      func() error { _, err := p.Last(ctx, busyChannel); return err },
		"SaveMessage": fresh(func() error {
			_, err := p.SaveMessage(ctx, j.Lease(), pushd.Prepared{Message: &pushd.Message{TemplateID: "t"}, StartTime: start + 60})
			return err
		}),
		"SaveQuota":     fresh(func() error { return p.SaveQuota(ctx, j.Lease(), nil, nil) }),
		"Finish":        fresh(done),
		"Channel":       func() error { _, err := p.Channel(ctx, 2000); return err },
		"Statuses":      func() error { _, err := p.Statuses(ctx, []pushd.ActID{2000, 2001, 2002}); return err },
		"Subscribers":   func() error { _, err := p.Subscribers(ctx, busyChannel, "o5", 500); return err },
		"Texts":         func() error { _, err := p.Texts(ctx, appID, "tpl1"); return ignore(err, pushd.ErrNotFound) },
		"SaveTexts":     func() error { return p.SaveTexts(ctx, appID, pushd.Texts{TemplateID: "tpl1"}) },
		"Working":       func() error { _, err := p.Working(ctx, 0, 200); return err },
		"Ended":         func() error { return p.endedLists(now) },
		"CorrectStatus": fresh(func() error { _, err := p.CorrectStatus(ctx, j, start, 1); return err }),
		"Expire":        fresh(func() error { p.ok(p.Release(ctx, j.Lease())); p.past(j.ID); _, err := p.Expire(ctx, 100); return err }),
		"Purge":         func() error { _, err := p.Purge(ctx, now.Add(-25*time.Hour)); return err },
		"RemoveJobs":    func() error { _, err := p.RemoveJobs(ctx, now.Add(-24*time.Hour)); return err },
		"Raise":         func() error { _, err := p.Raise(ctx, 0); return err },
		"Installation":  func() error { _, err := p.Installation(ctx); return err },
		"Heartbeat":     func() error { _, err := p.Heartbeat(ctx); return err },
		"Overview":      func() error { _, err := p.Overview(ctx); return err },
		"Size":          func() error { _, err := p.Size(ctx); return err },
		"SaveSent":      fresh(func() error { return p.SaveSent(ctx, j.Lease(), now) }),
		"SetHold":       func() error { _, _, err := p.SetHold(ctx, pushd.Hold{AppID: "wxheld"}); return err },
		"LiftHold":      func() error { _, err := p.LiftHold(ctx, "wxheld"); return ignore(err, pushd.ErrNotFound) },
		"Holds":         func() error { _, err := p.Holds(ctx); return err },
		"Note":          func() error { return p.Note(ctx, pushd.Event{AppID: "wxnoted", Kind: pushd.EventToken}) },
		"Events": func() error {
			_, _, err := p.Events(ctx, pushd.EventFilter{Since: now.Add(-10 * time.Minute), Settled: true, Limit: 50})
			return err
		},
		"Standstill":   func() error { _, err := p.Standstill(ctx, "wxheld", now.Add(-10*time.Minute)); return err },
		"FindAlarms":   func() error { _, err := p.FindAlarms(ctx); return err },
		"RaiseAlarms":  func() error { _, err := p.RaiseAlarms(ctx, []pushd.Alarm{{Key: "a"}, {Key: "b"}}); return err },
		"TakeAlarms":   func() error { _, err := p.TakeAlarms(ctx, 20, time.Minute); return err },
		"AlarmsSent":   func() error { return p.AlarmsSent(ctx, []pushd.Alarm{{Key: "a"}}) },
		"PutOffAlarms": func() error { return p.PutOffAlarms(ctx, []pushd.Alarm{{Key: "b"}}, time.Minute) },
		"ForgetAlarms": func() error { _, err := p.ForgetAlarms(ctx, time.Hour); return err },
		"SentJobs":     func() error { _, err := p.SentJobs(ctx, "wxhistory1"); return err },
		"SentPages":    fresh(func() error { p.ok(recorded()); _, err := p.SentPages(ctx, j.ID); return err }),
		"SaveReceipts": fresh(func() error { p.ok(recorded()); return p.receipt(j.ID) }),
		"ReceiptSums": fresh(func() error {
			p.ok(recorded())
			p.ok(p.receipt(j.ID))
			_, err := p.ReceiptSums(ctx, []pushd.JobID{j.ID})
			return err
		}),
		"CloseReceipts": fresh(func() error { p.ok(recorded()); p.ok(p.receipt(j.ID)); _, err := p.CloseReceipts(ctx, 0); return err }),
		"StepBack": func() error {
			_, err := p.StepBack(ctx, pushd.StepBack{Found: -1, Hold: true})
			return ignore(err, pushd.ErrLost)
		},
		"CountHeld": func() error { _, err := p.CountHeld(ctx); return err },
		"Job":       func() error { _, err := p.Job(ctx, oldest); return ignore(err, pushd.ErrNotFound) },
		"Active":    func() error { _, err := p.Active(ctx, 2000); return ignore(err, pushd.ErrNotFound) },
		"Newest":    func() error { _, err := p.Newest(ctx, 2000, start); return ignore(err, pushd.ErrNotFound) },
		"Create":    fresh(func() error { return nil }),
		"Refuse":    func() error { return p.Refuse(ctx, "wxrefused", "t1", openids("oA", "oB")) },
		"Refused": func() error {
			_, err := p.Refused(ctx, "wxrefused", "t1", time.Hour, openids("oA", "oB", "oC"))
			return err
		},
		"DropRefusal":   func() error { _, err := p.DropRefusal(ctx, "wxrefused", "oB"); return err },
		"PurgeRefusals": func() error { _, err := p.PurgeRefusals(ctx, now); return err },
		"Activity":      fresh(func() error { _, err := p.Activity(ctx, j.AppID, now.Add(-24*time.Hour)); return err }),
		"CreateAfter": func() error {
			act++
			app := pushd.AppID(fmt.Sprint("wx", act))
			seen, err := p.Activity(ctx, app, now)
			p.ok(err)
			_, err = p.CreateAfter(ctx, pushd.Job{ActID: act, AppID: app, StartTime: start, Deadline: future}, seen)
			return err
		},
		"Command": fresh(func() error {
			_, err := p.Command(ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
			return err
		}),
		"Messages":      func() error { _, err := p.Messages(ctx, j.ID); return err },
		"Jobs":          func() error { return p.lists(now) },
		"QueuePosition": fresh(func() error { p.ok(p.Release(ctx, j.Lease())); _, err := p.QueuePosition(ctx, j.ID); return err }),
		"Failures": fresh(func() error {
			p.ok(done())
			return p.Failures(ctx, j.ID, []pushd.PersonState{pushd.PersonFailed}, func(pushd.Failure) error { return nil })
		}),
		"Recipient": fresh(func() error { p.ok(done()); _, err := p.Recipient(ctx, j.ID, "oB"); return err }),
	}
}

// receipt saves a receipt of a job's first recipient.
func (p *past) receipt(id pushd.JobID) error {
	_, err := p.SaveReceipts(p.ctx, id, []pushd.FoundReceipts{{Page: 1, Receipts: []pushd.IndexedReceipt{{Receipt: pushd.ReceiptDelivered}}}})
	return err
}

// endedLists are those of the reconciler: the first page, and one in the middle.
func (p *past) endedLists(now pushd.Time) error {
	for _, after := range []time.Duration{24 * time.Hour, 12 * time.Hour} {
		if _, err := p.Ended(p.ctx, pushd.EndMark{At: now.Add(-after), Job: "m"}, now.Add(-10*time.Minute), 200); err != nil {
			return err
		}
	}
	_, err := p.Ended(p.ctx, pushd.EndMark{At: now.Add(-10 * time.Minute)}, future, 200)
	return err
}

// lists are what the API offers, the second page too.
func (p *past) lists(now pushd.Time) error {
	for _, filter := range []pushd.Filter{
		{}, {States: []pushd.State{pushd.Succeeded}}, {States: []pushd.State{pushd.Failed}}, {States: pushd.ActiveStates},
		{ActID: 2000}, {AppID: "wxhistory1"}, {AppID: "wxhistory1", States: []pushd.State{pushd.Failed}}, {Since: now.Add(-time.Hour)},
	} {
		filter.Limit = 50
		_, next, err := p.Jobs(p.ctx, filter)
		if err == nil && next != "" {
			filter.Cursor = next
			_, _, err = p.Jobs(p.ctx, filter)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ignore leaves out an error that is an answer.
func ignore(err, known error) error {
	if err == known {
		return nil
	}
	return err
}

// lapse frees a job's lease.
func (p *past) lapse(id pushd.JobID) {
	p.t.Helper()
	seen, err := p.Leases(p.ctx)
	p.ok(err)
	for _, l := range seen {
		if l.Job == id {
			_, err := p.Lapse(p.ctx, l)
			p.ok(err)
		}
	}
}

// past moves a job's deadline behind us.
func (p *past) past(id pushd.JobID) {
	p.t.Helper()
	_, err := p.Command(p.ctx, id, pushd.Command{From: pushd.ActiveStates, Deadline: 1})
	p.ok(err)
}

func (p *past) text(query string) (text string) {
	p.t.Helper()
	if err := p.raw.QueryRowContext(p.ctx, query).Scan(&text); err != nil {
		p.t.Fatalf("%s: %v", query, err)
	}
	return text
}

// What pushd asks of its database costs the same however many jobs there were
// before: no statement looks at more than a page of rows. Without one of the
// indexes some do, so each of them is needed, and this test can fail.
//
// On MySQL 5.6 it is left out: making the past alone takes a minute there.
func TestStore_RowsLookedAt(t *testing.T) {
	if server.MySQL() {
		t.Skip("the past is made on MariaDB")
	}
	p := newPast(t)
	calls := p.calls(1_000_000)
	for method := range reflect.TypeFor[ledgertest.Ledger]().Methods() {
		if calls[method.Name] == nil {
			t.Errorf("nobody knows how many rows %s looks at; past.calls wants a line", method.Name)
		}
	}
	for name, call := range calls {
		p.ok(call())
		for _, statement := range p.tooMany() {
			t.Errorf("%s: %s", name, statement)
		}
	}
	for _, index := range p.indexes() {
		p.set(`ALTER TABLE pushd_job DROP INDEX ` + index.name)
		for _, call := range calls {
			p.ok(call())
		}
		if len(p.tooMany()) == 0 {
			t.Errorf("without %s nothing looks at more rows: is it needed?", index.name)
		}
		p.set(`ALTER TABLE pushd_job ADD INDEX ` + index.name + ` (` + index.columns + `)`)
		p.tooMany()
	}
}

type index struct{ name, columns string }

// indexes are those of pushd_job that say nothing about what may be in it.
func (p *past) indexes() (all []index) {
	p.t.Helper()
	rows, err := p.raw.QueryContext(p.ctx, `
SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index)
FROM information_schema.statistics
WHERE table_schema = DATABASE()
  AND table_name = 'pushd_job'
  AND non_unique = 1
GROUP BY index_name`)
	p.ok(err)
	defer rows.Close()
	for rows.Next() {
		var i index
		p.ok(rows.Scan(&i.name, &i.columns))
		all = append(all, i)
	}
	p.ok(rows.Err())
	if len(all) < 3 || !strings.Contains(fmt.Sprint(all), "finished") {
		p.t.Fatalf("indexes: %v", all)
	}
	return all
}
