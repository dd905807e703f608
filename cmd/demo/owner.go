package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// owner is the owner of the demo's account in a browser: logged in to the
// sample host, as a visitor would be.
type owner struct {
	url    string // of the host
	client *http.Client
	csrf   string
}

var csrfMeta = regexp.MustCompile(`<meta name="csrf" content="(\w+)">`)

// login logs the owner in.
func (h *host) login(ctx context.Context) (*owner, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	o := &owner{url: h.url, client: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	if err := o.open(ctx, "/login"); err != nil {
		return nil, err
	}
	form := url.Values{"csrf": {o.csrf}, "uin": {strconv.Itoa(actID)}, "password": {hostPassword}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := o.do(req); err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	return o, o.open(ctx, "/channels") // the login has changed the token
}

// open reads a page, and the CSRF token in it.
func (o *owner) open(ctx context.Context, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+path, nil)
	if err != nil {
		return err
	}
	text, err := o.do(req)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	m := csrfMeta.FindSubmatch(text)
	if m == nil {
		return fmt.Errorf("open %s: the page has no CSRF token", path)
	}
	o.csrf = string(m[1])
	return nil
}

// call calls an interface of the host: in is sent as JSON, nil is a GET.
func (o *owner) call(ctx context.Context, path string, in, out any) error {
	method, body := http.MethodGet, io.Reader(nil)
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		method, body = http.MethodPost, strings.NewReader(string(text))
	}
	req, err := http.NewRequestWithContext(ctx, method, o.url+"/api"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", o.csrf)
	text, err := o.do(req)
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (o *owner) do(req *http.Request) ([]byte, error) {
	resp, err := o.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode/100 != 2 {
		err = errors.New(resp.Status + ": " + string(text[:min(len(text), 300)]))
	}
	return text, err
}

// close lets go of the connections.
func (o *owner) close() { o.client.CloseIdleConnections() }
