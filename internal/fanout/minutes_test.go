package fanout

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// clerk is a WeChat that looks whether each message says how many minutes are left
// when it comes.
type clerk struct {
	pushd.WeChat
	start time.Time
	mu    *sync.Mutex
	said  map[int64]int // how many messages said so many minutes
	wrong *[]string
}

func (c clerk) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	left := int64((time.Until(c.start) + time.Minute - 1) / time.Minute)
	want := fmt.Sprintf("还有%d分钟", left)
	if time.Until(c.start) <= 0 {
		left, want = 0, "即将"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said[left]++
	if text := string(letter.Tail); len(*c.wrong) < 10 && !strings.Contains(text, want+"开播 {{minutes}}") {
		*c.wrong = append(*c.wrong, fmt.Sprintf("%s before the start it says %s", time.Until(c.start), text))
	}
	return c.WeChat.Send(ctx, tok, letter, to)
}

// A job that is slow, is paused and changes hands says to each recipient how many
// minutes are left by then. What the owner and the platform have changed meanwhile
// is not in it, and it stays one message: one version, one client_msg_id.
func TestRun_MinutesPassWhileItSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 500)
		text := pushd.Texts{TemplateID: "tpl", Fields: map[string]string{"thing1": "还有{{minutes}}分钟开播 {{title}}"}}
		setTexts(w.ledger, text)
		begins, minutes := time.Now().Add(20*time.Minute), int64(30)
		ch := w.ledger.Channels[1]
		ch.StartTime, ch.NotifyMinutes, ch.Title = begins.Unix(), &minutes, "{{minutes}}"
		said, wrong := map[int64]int{}, []string(nil)
		var mu sync.Mutex
		w.change = func(c *Config) { c.WeChat = clerk{c.WeChat, begins, &mu, said, &wrong} }
		w.boot(0)
		w.post(1, pushd.Request{Rate: 1})
		time.Sleep(90 * time.Second)
		text.Fields = map[string]string{"thing1": "another text"}
		setTexts(w.ledger, text)
		w.ledger.Lock()
		ch.Title = "another title"
		w.ledger.Unlock()
		id := w.job().ID
		if _, err := w.controller().Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Minute)
		if _, err := w.controller().Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		w.kill(w.process(0))
		w.boot(0)
		w.within(10 * time.Minute)
		job := w.job()
		w.end()
		for _, text := range append(w.wrong, wrong...) {
			t.Error(text)
		}
		if job.State != pushd.Succeeded || job.MessageVersion != 1 || job.Counts.Sent != 500 {
			t.Errorf("%s, version %d, %+v", job.State, job.MessageVersion, job.Counts)
		}
		if said[20] == 0 || said[19] == 0 || said[10] > 0 || said[7] == 0 || said[2] == 0 || said[0] == 0 {
			t.Errorf("messages by the minutes that were left: %v", said)
		}
	})
}
