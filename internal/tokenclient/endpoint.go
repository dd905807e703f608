package tokenclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-resty/resty/v2"

	"pushd/internal/loopback"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// endpoint is PHP's token endpoint.
type endpoint struct {
	url     string     // without its query
	query   url.Values // the endpoint's own
	key     string
	secrets []string // what must not be printed: the key, the query's values
}

// parseEndpoint checks the endpoint's URL. Its errors print at most the host.
func parseEndpoint(raw, key string, plaintext bool) (endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return endpoint{}, errors.New("token url: not an URL") // err would print it
	}
	query, err := url.ParseQuery(u.RawQuery)
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return endpoint{}, errors.New("token url: must begin with https:// or http://")
	case u.Hostname() == "":
		return endpoint{}, errors.New("token url: has no host")
	case err != nil:
		return endpoint{}, errors.New("token url: its query is malformed")
	case u.User != nil:
		return endpoint{}, errors.New("token url: must hold no user; the endpoint is protected by the key")
	case u.Scheme == "http" && !plaintext && !loopback.Host(u.Hostname()):
		return endpoint{}, fmt.Errorf("token url: http to %s would show tokens to everyone on the way; use https", u.Host)
	}
	for _, b := range []byte(key) {
		if b <= ' ' || b >= 0x7f {
			return endpoint{}, errors.New("token key: must be printable ASCII without spaces")
		}
	}
	e := endpoint{query: query, key: key, secrets: []string{key}}
	for _, values := range query {
		for _, v := range values {
			if len(v) >= 4 { // shorter ones are no secrets
				e.secrets = append(e.secrets, v, url.QueryEscape(v))
			}
		}
	}
	u.RawQuery, u.Fragment = "", ""
	e.url = u.String()
	return e, nil
}

func newResty(o Options) *resty.Client {
	transport := o.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			ForceAttemptHTTP2:   true,
			// An ask on a connection that was kept is made again by
			// net/http, at once and unseen, if that connection breaks; a
			// failing endpoint must be asked no more than once in 5 s.
			DisableKeepAlives: true,
		}
	}
	r := resty.NewWithClient(&http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // it would carry the key away
		},
	})
	r.SetLogger(silent{})
	r.SetResponseBodyLimit(maxAnswer)
	r.SetHeader("Accept", "application/json")
	r.SetHeader("User-Agent", "pushd")
	return r
}

// fetch asks PHP for the account's token. Its errors are not redacted yet. The
// time it may take does not count the wait for a turn.
func (c *Client) fetch(actID int64, appID, rejected string) answer {
	ctx, cancel := context.WithTimeout(c.ctx, c.o.Timeout)
	defer cancel()
	to := c.endpoint.Load()
	req := c.resty.R().SetContext(ctx).SetQueryParamsFromValues(to.query)
	if to.key != "" {
		req.SetHeader("Authorization", "Bearer "+to.key)
		req.SetHeader("X-Pushd-Key", to.key) // Apache drops Authorization
	}
	req.SetQueryParam("appid", appID)
	if actID != 0 {
		req.SetQueryParam("actid", strconv.FormatInt(actID, 10))
	}
	if rejected != "" {
		req.SetQueryParam("rejected", rejected)
	}
	resp, err := req.Get(to.url)
	if err != nil {
		return answer{err: c.explain(err), lost: true}
	}
	said := parseAnswer(resp.StatusCode(), resp.Body())
	said.after = retryAfter(resp.Header().Get("Retry-After"), time.Now())
	return said
}

// explain says what broke an ask, without the URL that net/http puts into
// its errors.
func (c *Client) explain(err error) error {
	var network net.Error
	switch {
	case c.ctx.Err() != nil:
		return errClosed
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return errors.New("the answer is longer than 64 KiB")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("no answer within %s", c.o.Timeout)
	}
	var wrapped *url.Error
	for errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err
}

var (
	errClosed   = errors.New("the token client is closed")
	errPatience = errors.New("waited long for a turn")
)

// silent is resty's logger: what resty would print may hold an URL.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
