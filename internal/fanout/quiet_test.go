package fanout

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// halfAnHour are quiet hours that have just begun.
func halfAnHour(zone *time.Location) pushd.QuietHours {
	now := time.Now().In(zone)
	from := now.Hour()*60 + now.Minute()
	return pushd.QuietHours{From: from, To: from + 30}
}

// A message that was made in the quiet hours, and reaches its first recipient after
// them, says how many minutes are left then.
func TestRun_MinutesAfterQuietHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		texts := map[pushd.OpenID]string{}
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 20)
		w.cfg.Quiet = halfAnHour(w.cfg.Location)
		before := int64(40)
		w.ledger.Channels[1].NotifyMinutes = &before
		w.ledger.Channels[1].StartTime = time.Now().Add(45 * time.Minute).Unix()
		setTexts(w.ledger, pushd.Texts{TemplateID: "tpl", Fields: map[string]string{"thing1": "还有{{minutes}}分钟", "time2": "{{startTime}}"}})
		w.change = func(c *Config) { c.WeChat = reader{c.WeChat, &mu, texts} }
		w.boot(0)
		w.post(1, pushd.Request{})
		time.Sleep(time.Minute)
		if job := w.job(); job.Reason != pushd.InQuietHours || job.Prepared.Message == nil {
			t.Errorf("%s %s (%s)", job.State, job.Reason, job.Detail)
		}
		time.Sleep(30 * time.Minute)
		w.end()
		if len(texts) != 20 {
			t.Errorf("%d were reminded", len(texts))
		}
		for id, text := range texts {
			if !strings.Contains(text, "还有15分钟") {
				t.Fatalf("%s was sent %s", id, text)
			}
		}
	})
}
