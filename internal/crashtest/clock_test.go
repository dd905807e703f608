package crashtest

import (
	"bytes"
	"fmt"
	"time"
)

func clockScenarios() []scenario {
	day := 24 * time.Hour
	return []scenario{
		{name: "the database's clock is a day behind the host's", run: clocksApart},
		{name: "the database's clock steps a day ahead", long: true, run: func(w *World) { databaseClock(w, day) }},
		{name: "the database's clock steps a day back", long: true, run: func(w *World) { databaseClock(w, -day) }},
		{name: "the database's clock steps a day ahead, then kill -9", long: true, run: func(w *World) { databaseClockAndKill(w, day) }},
		{name: "the database's clock steps a day back, then kill -9", run: func(w *World) { databaseClockAndKill(w, -day) }},
	}
}

// stepClock makes the database tell another time from now on, in every
// statement that asks for it.
func (w *World) stepClock(by time.Duration) {
	from := []byte("UTC_TIMESTAMP(6)")
	to := fmt.Appendf(nil, "(UTC_TIMESTAMP(6) + INTERVAL %d SECOND)", int(by.Seconds()))
	w.Proxy.Rule(func(s []byte) Fate {
		if !bytes.Contains(s, from) {
			return Fate{}
		}
		return Fate{Replace: bytes.ReplaceAll(s, from, to)}
	})
}

func databaseClock(w *World, by time.Duration) {
	p, j := w.Begin(6000, nil)
	w.AwaitSends(j, 500)
	w.stepClock(by)
	w.Finish(p, j, Verdict{})
}

// databaseClockAndKill leaves people in doubt whose time lies a day off.
// Nobody can tell how long ago they were asked, so they count as too long
// ago; WeChat recognises them all the same.
func databaseClockAndKill(w *World, by time.Duration) {
	p, j := w.Begin(4000, nil)
	w.AwaitSends(j, 500)
	w.stepClock(by)
	p.Kill()
	w.Row.Kills++
	w.Finish(w.Start("a"), j, Verdict{Kills: 1})
}

// clocksApart has a deadline that lies ahead by the database's clock and
// behind by the host's. The database's is the one that counts.
func clocksApart(w *World) {
	w.stepClock(-24 * time.Hour)
	j := w.NewChannel(1500, nil)
	soon := time.Now().Add(-23 * time.Hour).Unix() // in an hour, for the database
	_, err := w.DB.Exec("UPDATE activity SET start_time = ?", soon)
	w.must(err)
	p := w.Start("a")
	w.must(w.Post(p, j))
	w.Finish(p, j, Verdict{})
}
