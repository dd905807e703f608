// Package wechat is WeChat's API as pushd needs it: an account's followers,
// sends, templates and quota, and the one table that says what an answer
// means (verdict.go).
//
// It is not an SDK. It keeps no token, retries nothing and logs nothing: it
// makes one call, and says what came of it as a pushd.Answer.
//
// The access token travels in the query string of every call, so an URL is a
// secret here. No error of the HTTP stack is passed on as it is: failure.go
// says in words of its own what went wrong.
package wechat

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-resty/resty/v2"

	"pushd"
	"pushd/internal/httpconn"
	"pushd/internal/loopback"
)

// Options say how to reach WeChat. Zero values mean the defaults.
type Options struct {
	// BaseURL is scheme and host, by default https://api.weixin.qq.com. It
	// holds no query, fragment or user.
	BaseURL string
	// AllowPlaintext permits http beyond loopback.
	AllowPlaintext bool
	// MaxConns bounds the connections, and so the calls in flight; as many
	// are kept open while idle. Default 1024. Calls beyond it wait for a
	// connection inside their timeout.
	MaxConns int
	// SendTimeout bounds a send from the wait for a connection to the last
	// byte of the answer. Default 10 s.
	SendTimeout time.Duration
	// PageTimeout bounds a user/get, whose answer is up to 310 KB. Default
	// 30 s.
	PageTimeout time.Duration
	// AccountTimeout bounds quota and template calls. Default 10 s.
	AccountTimeout time.Duration
	// UserAgent is sent with every call. Default "pushd".
	UserAgent string
	// TLS is the base of the TLS settings, for roots of one's own.
	TLS *tls.Config
	// Proxy chooses a proxy. Default http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
}

// Client calls WeChat; it implements pushd.WeChat and is safe for concurrent
// use. One client serves all accounts.
type Client struct {
	calls   *http.Transport // below resty
	resty   *resty.Client   // all calls but the sends
	sends   *httpconn.Client
	buffers sync.Pool // of *answerBuffer
	o       Options
}

var _ pushd.WeChat = (*Client)(nil)

// New makes a client; it connects to nothing yet. Errors name no more of
// BaseURL than its host.
func New(o Options) (*Client, error) {
	setDefaults(&o)
	base, err := parseBase(o.BaseURL, o.AllowPlaintext)
	if err != nil {
		return nil, err
	}
	if o.MaxConns < 0 || o.SendTimeout < 0 || o.PageTimeout < 0 || o.AccountTimeout < 0 {
		return nil, errors.New("wechat client: limits and timeouts must not be negative")
	}
	c := &Client{calls: newTransport(o), o: o}
	if c.sends, err = newSends(base, c.calls, o); err != nil {
		return nil, err
	}
	c.buffers.New = func() any { return new(answerBuffer) }
	c.resty = resty.NewWithClient(&http.Client{
		Transport: c.calls,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a redirect would carry the token away
		},
	})
	c.resty.SetBaseURL(strings.TrimSuffix(base.String(), "/"))
	c.resty.SetHeader("User-Agent", o.UserAgent)
	c.resty.SetLogger(silent{})
	return c, nil
}

// Close closes the idle connections. Calls in flight go on.
func (c *Client) Close() {
	c.sends.Close()
	c.calls.CloseIdleConnections()
}

// newSends makes the client of the sends. Through a proxy they share the
// connections of the other calls.
func newSends(base *url.URL, calls *http.Transport, o Options) (*httpconn.Client, error) {
	c, err := httpconn.New(httpconn.Options{
		URL: base.JoinPath(pathSend), Param: "access_token",
		UserAgent: o.UserAgent, ContentType: "application/json; charset=utf-8",
		Timeout: o.SendTimeout, MaxConns: o.MaxConns, TLS: tlsConfig(o), Transport: calls,
	})
	if err != nil { // httpconn.ErrProxy
		return nil, errors.New("wechat client: the proxy settings of the environment are no good")
	}
	return c, nil
}

func setDefaults(o *Options) {
	if o.BaseURL == "" {
		o.BaseURL = "https://api.weixin.qq.com"
	}
	if o.MaxConns == 0 {
		o.MaxConns = 1024
	}
	if o.SendTimeout == 0 {
		o.SendTimeout = 10 * time.Second
	}
	if o.PageTimeout == 0 {
		o.PageTimeout = 30 * time.Second
	}
	if o.AccountTimeout == 0 {
		o.AccountTimeout = 10 * time.Second
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	if o.UserAgent == "" {
		o.UserAgent = "pushd"
	}
}

func parseBase(raw string, plaintext bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("wechat url: not an URL") // err would print it
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("wechat url: must begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("wechat url: has no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("wechat url: must be scheme and host alone")
	case u.Scheme == "http" && !plaintext && !loopback.Host(u.Hostname()):
		return nil, fmt.Errorf("wechat url: http to %s would show the token to everyone on the way; use https", u.Host)
	}
	if u.Path == "" {
		u.Path = "/" // JoinPath makes a relative path otherwise
	}
	return u, nil
}

// newTransport makes the connections of all calls but the sends, and of the
// sends through a proxy.
//
// It speaks HTTP/1.1, one call per connection. Over HTTP/2 the calls would
// share few connections: the server's stream limit (often 128) would cap the
// concurrency, one lost packet would stall all of them, and one GOAWAY would
// leave a hundred sends in doubt. Connections are reused, so TLS handshakes
// are rare all the same. The same holds of httpconn.
func newTransport(o Options) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:               o.Proxy,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		TLSClientConfig:     tlsConfig(o),
		Protocols:           protocols,
		MaxConnsPerHost:     o.MaxConns,
		MaxIdleConns:        o.MaxConns,
		MaxIdleConnsPerHost: o.MaxConns,
		IdleConnTimeout:     60 * time.Second,
		DisableCompression:  true, // answers are short; and a bomb stays small
	}
}

// tlsConfig is how connections to WeChat are secured.
func tlsConfig(o Options) *tls.Config {
	conf := &tls.Config{}
	if o.TLS != nil {
		conf = o.TLS.Clone()
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	conf.NextProtos = []string{"http/1.1"}
	conf.ClientSessionCache = tls.NewLRUClientSessionCache(32)
	return conf
}

// silent is resty's logger: what resty would print may hold an URL.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
