// Command loop is what one would write without pushd: it lists an account's
// followers and sends to them from a pool of goroutines. It records nothing,
// retries nothing and checks little. internal/bench measures it for comparison.
// It is a module of its own, so that pushd does not depend on fasthttp.
//
//	loop -client resty|nethttp|fasthttp -url … -token … -template … -c 100
package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-resty/resty/v2"
	"github.com/valyala/fasthttp"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "loop:", err)
		os.Exit(1)
	}
}

// answer is WeChat's answer to a send.
type answer struct {
	ErrCode int `json:"errcode"`
}

// send sends one body.
type send func(body string) (answer, error)

func run() error {
	client := flag.String("client", "resty", "resty, nethttp or fasthttp")
	url := flag.String("url", "", "root of WeChat's API")
	token := flag.String("token", "", "access token")
	template := flag.String("template", "", "template id")
	c := flag.Int("c", 100, "sends in flight")
	flag.Parse()

	address := *url + "/cgi-bin/message/template/send?access_token=" + *token
	clients := map[string]func(string, int) send{"resty": viaResty, "nethttp": viaNetHTTP, "fasthttp": viaFastHTTP}
	make, ok := clients[*client]
	if !ok {
		return errors.New("no such client")
	}
	do := make(address, *c)
	head := `{"touser":"`
	tail := `","template_id":"` + *template + `","url":"https://live.example.com/1","client_msg_id":"loop",` +
		`"data":{"thing1":{"value":"Go 语言直播课"},"time2":{"value":"2026年01月02日 15:04"}}}`

	people := openids(*url, *token)
	var bad atomic.Int64
	var workers sync.WaitGroup
	for range *c {
		workers.Go(func() {
			for openid := range people {
				if a, err := do(head + openid + tail); err != nil || a.ErrCode != 0 {
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

// openids lists the followers, page by page.
func openids(url, token string) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		for next := ""; ; {
			resp, err := http.Get(url + "/cgi-bin/user/get?access_token=" + token + "&next_openid=" + next)
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
				out <- id
			}
			if next = page.Next; next == "" {
				return
			}
		}
	}()
	return out
}

// transport is net/http's with as many connections as sends, so that none is
// opened anew for each.
func transport(c int) *http.Transport {
	return &http.Transport{
		MaxIdleConns: c, MaxIdleConnsPerHost: c, MaxConnsPerHost: c,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: false,
	}
}

func viaResty(address string, c int) send {
	client := resty.New().SetTransport(transport(c))
	return func(body string) (a answer, err error) {
		_, err = client.R().SetHeader("Content-Type", "application/json").SetBody(body).SetResult(&a).Post(address)
		return a, err
	}
}

func viaNetHTTP(address string, c int) send {
	client := &http.Client{Transport: transport(c)}
	return func(body string) (a answer, err error) {
		resp, err := client.Post(address, "application/json", strings.NewReader(body))
		if err != nil {
			return a, err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil {
			err = json.Unmarshal(text, &a)
		}
		return a, err
	}
}

func viaFastHTTP(address string, c int) send {
	client := &fasthttp.Client{MaxConnsPerHost: c, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	return func(body string) (a answer, err error) {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		req.SetRequestURI(address)
		req.SetBodyString(body)
		if err = client.Do(req, resp); err == nil {
			err = json.Unmarshal(resp.Body(), &a)
		}
		return a, err
	}
}
