package main

import (
	"context"
	"fmt"
	"time"

	"pushd"
	"pushd/api"
	"pushd/api/client"
	"pushd/internal/wechatsim"
)

// receiptsFor is how long the last receipts are waited for: pushd writes them once a
// second.
const receiptsFor = 30 * time.Second

// receive lets WeChat post what becomes of each message to pushd itself, signed, as a
// mirror in front of a host's callback does.
func (s *show) receive() {
	s.account.SetCallback(&wechatsim.Callback{
		URL: s.URL + "/v1/receipts?appid=" + appID, Token: api.CallbackToken(callbackKey, appID, ""),
		JobFinish: true, Failed: unreached, Workers: 4,
	})
}

// awaitReceipts waits until pushd has counted what WeChat said of the job's messages,
// and returns that, too.
func (s *show) awaitReceipts(ctx context.Context, job client.Job) (client.Job, map[pushd.Receipt]int64, error) {
	said := map[pushd.Receipt]int64{}
	for _, r := range s.account.Receipts(job.MsgID) {
		said[pushd.ParseReceipt(r.Status)]++
	}
	until := time.Now().Add(receiptsFor)
	job, err := s.Await(ctx, job.ID, func(j client.Job) bool {
		return len(unlike(j.Receipts, said)) == 0 || time.Now().After(until)
	})
	return job, said, err
}

// undelivered are the messages that did not arrive although no one blocks them.
func undelivered(said map[pushd.Receipt]int64) (n int64) {
	for r, k := range said {
		if r.Undelivered() {
			n += k
		}
	}
	return n
}

// unlike lists where the job's receipts differ from what WeChat said.
func unlike(r *client.Receipts, said map[pushd.Receipt]int64) (wrong []string) {
	if r == nil {
		return []string{"the job has no receipts"}
	}
	for _, c := range []struct {
		what      string
		job, said int64
	}{
		{"arrived", r.Delivered, said[pushd.ReceiptDelivered]},
		{"blocked", r.Blocked, said[pushd.ReceiptBlocked]},
		{"did not arrive", r.Undelivered, undelivered(said)},
	} {
		if c.job != c.said {
			wrong = append(wrong, fmt.Sprintf("by its receipts %d messages %s, WeChat said so of %d", c.job, c.what, c.said))
		}
	}
	return wrong
}
