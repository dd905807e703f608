// Command limiters sends to an account's followers as fast as a well-known
// way of finding a concurrency lets it. cmd bench compares what comes of it
// with what pushd's own way finds. It records nothing and repeats nothing,
// and is a module of its own, so that pushd does not depend on what it is
// compared with.
//
//	limiters -limiter aimd|vegas|gradient|failsafe -url … -token … -template …
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "limiters:", err)
		os.Exit(1)
	}
}

func run() error {
	name := flag.String("limiter", "aimd", "aimd, vegas, gradient or failsafe")
	url := flag.String("url", "", "root of WeChat's API")
	token := flag.String("token", "", "access token")
	template := flag.String("template", "", "template id")
	flag.Parse()
	l := newLimiter(*name)
	if l == nil {
		return errors.New("no such limiter")
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: highest, MaxIdleConnsPerHost: highest}}
	address := *url + "/cgi-bin/message/template/send?access_token=" + *token
	tail := `","template_id":"` + *template + `","client_msg_id":"limiters","data":{"thing1":{"value":"Go 语言直播课"},"time2":{"value":"2026年01月02日 15:04"}}}`

	g := newGate(l)
	people := make(chan string)
	go func() {
		defer close(people)
		list(client, *url, *token, people)
	}()
	for openid := range people {
		permit := g.enter()
		go func() {
			began := time.Now()
			good := send(client, address, `{"touser":"`+openid+tail)
			g.leave(permit, good, began)
		}()
	}
	g.wait()
	return nil
}

func send(client *http.Client, address, body string) (good bool) {
	resp, err := client.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var answer struct {
		ErrCode int `json:"errcode"`
	}
	return json.NewDecoder(resp.Body).Decode(&answer) == nil && answer.ErrCode == 0
}

// list lists the followers, page by page.
func list(client *http.Client, url, token string, people chan<- string) {
	for next := ""; ; {
		resp, err := client.Get(url + "/cgi-bin/user/get?access_token=" + token + "&next_openid=" + next)
		if err != nil {
			return
		}
		var page struct {
			Data struct {
				OpenID []string `json:"openid"`
			} `json:"data"`
			Next string `json:"next_openid"`
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil || len(page.Data.OpenID) == 0 {
			return
		}
		for _, id := range page.Data.OpenID {
			people <- id
		}
		if next = page.Next; next == "" {
			return
		}
	}
}

// gate lets in as many as the limiter says.
type gate struct {
	l  limiter
	mu sync.Mutex
	ok *sync.Cond
	in int
}

func newGate(l limiter) *gate {
	g := &gate{l: l}
	g.ok = sync.NewCond(&g.mu)
	return g
}

// enter waits for a place. The library counts its places by permits.
func (g *gate) enter() adaptivelimiter.Permit {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		if g.in < g.l.limit() {
			lib, ok := g.l.(*library)
			if !ok {
				g.in++
				return nil
			}
			if permit, ok := lib.l.TryAcquirePermit(); ok {
				g.in++
				return permit
			}
		}
		g.ok.Wait()
	}
}

func (g *gate) leave(permit adaptivelimiter.Permit, good bool, began time.Time) {
	switch {
	case permit != nil && good:
		permit.Record()
	case permit != nil:
		permit.Drop()
	}
	now := time.Now()
	g.l.answered(good, now.Sub(began), now)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in--
	g.ok.Broadcast()
}

// wait waits until all have left.
func (g *gate) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.in > 0 {
		g.ok.Wait()
	}
}
