// Package client is pushd's API from outside: it posts jobs, commands them and
// reads what became of them. "pushd job", the demo and the tests use it.
//
// What the API shows of a job is a [Job]. A refusal is an error of type
// [*Problem], as RFC 9457 has it; ask by [Code] and [Status] which it was, and by
// [Temporary] whether asking again may help. No error shows the key, or what the
// address holds beside scheme, host and path.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// answerMax bounds what is read of an answer. A list of recipients is read line
// by line, and has no bound.
const answerMax = 8 << 20

// Client calls the API of a running pushd. It may be copied, and used by many at
// once.
type Client struct {
	URL string // the API's root, such as http://127.0.0.1:8080
	Key string // one of PUSHD_API_KEY; "" where none is asked for
	// HTTP makes the calls; nil is http.DefaultClient. It decides how long a
	// call may take where the context does not.
	HTTP *http.Client
}

// Raw makes any call and returns what the API answered, not decoded: for what is
// to be shown as it is, and for addresses without a method here. body may be nil.
func (c Client) Raw(ctx context.Context, method, path string, body any) ([]byte, error) {
	resp, err := c.do(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	raw, err := c.read(resp)
	if err == nil && resp.StatusCode/100 != 2 {
		return nil, refused(resp.StatusCode, raw)
	}
	return raw, err
}

// call makes a call and decodes its answer.
func call[T any](ctx context.Context, c Client, method, path string, body any) (out T, err error) {
	raw, err := c.Raw(ctx, method, path, body)
	if err == nil {
		err = c.decode(raw, &out)
	}
	return out, err
}

func (c Client) decode(raw []byte, out any) error {
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.place(), err)
	}
	return nil
}

// do makes a call, whatever its answer.
func (c Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	caller := c.HTTP
	if caller == nil {
		caller = http.DefaultClient
	}
	resp, err := caller.Do(req)
	if err != nil {
		return nil, unreached{fmt.Errorf("ask %s: %w", c.place(), withoutURL(err))}
	}
	return resp, nil
}

// withoutURL is an error without the address, which may hold a password.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// read reads an answer to its end, and closes it.
func (c Client) read(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.place(), err)
	}
	return raw, nil
}

func (c Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+path, content)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", withoutURL(err))
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	return req, nil
}

// place is the API's address as far as anybody may see it.
func (c Client) place() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "[not a URL]"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}
	return shown.String()
}
