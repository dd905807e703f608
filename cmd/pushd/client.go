package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"pushd/internal/settings"
)

// answerMax bounds what is read of an answer of the API.
const answerMax = 8 << 20

// client speaks to the API of a running pushd.
type client struct {
	root string
	key  string
	http *http.Client
}

// newClient makes a client; it does not call yet.
func newClient(r settings.Remote) (*client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 5 * time.Second}
	if r.CA != "" {
		pem, err := os.ReadFile(r.CA)
		if err != nil {
			return nil, fmt.Errorf("read certificates: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read certificates: none in %s", r.CA)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	c := &client{
		root: strings.TrimSuffix(string(r.Server), "/"),
		http: &http.Client{Transport: transport, Timeout: 15 * time.Second},
	}
	if keys := settings.Split(string(r.Key)); len(keys) > 0 {
		c.key = keys[0]
	}
	return c, nil
}

// close closes the connections.
func (c *client) close() { c.http.CloseIdleConnections() }

// refusal is an answer of the API that is not 2xx: a problem of RFC 9457.
type refusal struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Field  string `json:"field"`
}

func (r *refusal) Error() string {
	text := r.Detail
	if text == "" {
		text = r.Title
	}
	if r.Field != "" {
		text = r.Field + ": " + text
	}
	if r.Status == http.StatusUnauthorized {
		text += "; set --api-key or PUSHD_API_KEY"
	}
	return fmt.Sprintf("%s (%s, HTTP %d)", text, r.Code, r.Status)
}

// passing says whether an error of call may be over soon: pushd is being
// restarted, or has no database.
func passing(err error) bool {
	var r *refusal
	if errors.As(err, &r) {
		return r.Status >= 500 || r.Status == http.StatusTooManyRequests
	}
	var cert *tls.CertificateVerificationError
	return err != nil && !errors.As(err, &cert)
}

// call sends body, if any, and decodes the answer into out, if any.
func (c *client) call(ctx context.Context, method, path string, body, out any) error {
	raw, err := c.raw(ctx, method, path, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", settings.Address(c.root), err)
	}
	return nil
}

// raw is call without decoding.
func (c *client) raw(ctx context.Context, method, path string, body any) ([]byte, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // without the URL, which may hold a password
			err = u.Err
		}
		return nil, fmt.Errorf("ask %s: %w", settings.Address(c.root), err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", settings.Address(c.root), err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, refused(resp.StatusCode, raw)
	}
	return raw, nil
}

func (c *client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.root+path, content)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	return req, nil
}

// refused reads a problem. What is no problem came from something else, such
// as a proxy.
func refused(status int, body []byte) error {
	r := &refusal{}
	if json.Unmarshal(body, r) != nil || r.Code == "" {
		r.Code, r.Detail = "not_pushd", "the answer is not one of pushd's"
	}
	r.Status = status
	return r
}
