package client

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// Recipient is a line of the list of a job's recipients.
type Recipient struct {
	OpenID  string `json:"openid"`
	Outcome string `json:"outcome"` // sent, skipped, failed, unknown or untold
	Error   string `json:"error"`   // WeChat's errcode, or pushd's name for its own
	Page    int    `json:"page"`
	Version int    `json:"messageVersion"` // of the message that was sent; else 0
	Receipt string `json:"receipt"`        // what WeChat says of it, or ""
}

// Recipients lists a job's recipients with these outcomes, all without any, in
// the order of the walk. The list may be a million long: it is read while it is
// looped over, and ends with an error if it is not whole.
func (c Client) Recipients(ctx context.Context, id string, outcomes ...string) iter.Seq2[Recipient, error] {
	return c.recipients(ctx, id, "outcome", outcomes)
}

// RecipientsByReceipt lists those of whose message WeChat says this: delivered,
// blocked, undelivered, or one of its reasons. It is read as Recipients is.
func (c Client) RecipientsByReceipt(ctx context.Context, id string, receipts ...string) iter.Seq2[Recipient, error] {
	return c.recipients(ctx, id, "receipt", receipts)
}

func (c Client) recipients(ctx context.Context, id, by string, words []string) iter.Seq2[Recipient, error] {
	path := JobPath(id) + "/recipients"
	if len(words) > 0 {
		path += "?" + by + "=" + url.QueryEscape(strings.Join(words, ","))
	}
	return func(yield func(Recipient, error) bool) {
		resp, err := c.do(ctx, http.MethodGet, path, nil)
		if err != nil {
			yield(Recipient{}, err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			raw, err := c.read(resp)
			if err == nil {
				err = refused(resp.StatusCode, raw)
			}
			yield(Recipient{}, err)
			return
		}
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			var r Recipient
			if err := c.decode(lines.Bytes(), &r); !yield(r, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Recipient{}, fmt.Errorf("read the answer of %s: %w", c.place(), err))
		}
	}
}
