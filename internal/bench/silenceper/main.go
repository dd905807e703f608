// Command silenceper sends an account's followers a template message with the
// SDK of that name, from a pool of goroutines. It is a module of its own, so
// that pushd does not depend on what it is compared with.
//
// The SDK's HTTP client is net/http's default, which keeps two connections
// per host; -tuned gives it as many as there are sends in flight.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/silenceper/wechat/v2/officialaccount/context"
	"github.com/silenceper/wechat/v2/officialaccount/message"
	"github.com/silenceper/wechat/v2/officialaccount/user"
	"github.com/silenceper/wechat/v2/util"
)

// fixed is a token that is always the same.
type fixed string

// GetAccessToken implements the SDK's AccessTokenHandle.
func (f fixed) GetAccessToken() (string, error) { return string(f), nil }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "silenceper:", err)
		os.Exit(1)
	}
}

func run() error {
	url := flag.String("url", "", "root of WeChat's API")
	token := flag.String("token", "", "access token")
	template := flag.String("template", "", "template id")
	c := flag.Int("c", 100, "sends in flight")
	tuned := flag.Bool("tuned", false, "as many connections as sends in flight")
	flag.Parse()
	host := strings.TrimPrefix(*url, "https://")
	var base http.RoundTripper = http.DefaultTransport
	if *tuned {
		base = &http.Transport{MaxIdleConns: *c, MaxIdleConnsPerHost: *c, MaxConnsPerHost: *c}
	}
	util.DefaultHTTPClient = &http.Client{Transport: redirected{base, host}}

	ctx := &context.Context{AccessTokenHandle: fixed(*token)}
	people := make(chan string)
	go func() {
		defer close(people)
		list(ctx, people)
	}()
	sender := message.NewTemplate(ctx)
	var bad atomic.Int64
	var workers sync.WaitGroup
	for range *c {
		workers.Go(func() {
			for openid := range people {
				if _, err := sender.Send(&message.TemplateMessage{
					ToUser: openid, TemplateID: *template, URL: "https://live.example.com/1", ClientMsgID: "silenceper",
					Data: map[string]*message.TemplateDataItem{"thing1": {Value: "Go 语言直播课"}, "time2": {Value: "2026年01月02日 15:04"}},
				}); err != nil {
					bad.Add(1)
				}
			}
		})
	}
	workers.Wait()
	if n := bad.Load(); n > 0 {
		return fmt.Errorf("%d sends failed", n)
	}
	return nil
}

// redirected sends what is meant for WeChat to the simulator.
type redirected struct {
	base http.RoundTripper
	host string
}

// RoundTrip implements http.RoundTripper. It changes the request in place: a
// copy would count against the SDK.
func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	req.URL.Host, req.Host = r.host, r.host
	return r.base.RoundTrip(req)
}

// list gives the followers out, page by page.
func list(ctx *context.Context, people chan<- string) {
	u := user.NewUser(ctx)
	for next := ""; ; {
		page, err := u.ListUserOpenIDs(next)
		if err != nil || len(page.Data.OpenIDs) == 0 {
			return
		}
		for _, id := range page.Data.OpenIDs {
			people <- id
		}
		if next = page.NextOpenID; next == "" {
			return
		}
	}
}
