package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"pushd"
	"pushd/internal/loopback"
)

// Without a key whoever reaches the port may do everything, so the port is
// open to this machine only. A browser on this machine is a way in: a page of
// any site may post a form to 127.0.0.1, and a name of a stranger's may point
// there (DNS rebinding), which makes that stranger's page the same origin. Both
// show in headers that a page can't write.

// ownHost says whether a Host header names this machine, with any port: a
// loopback name or address, or the host that the API was set to listen on.
// None at all is HTTP/1.0, which no browser speaks.
func (s *Server) ownHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "" || loopback.Host(host) {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return false // an address is this machine's by being loopback alone
	}
	return s.Host != "" && strings.EqualFold(host, strings.Trim(s.Host, "[]"))
}

// foreign refuses a request that a page of another site may have caused; nil if
// none has.
func (s *Server) foreign(r *http.Request) *pushd.Problem {
	if !s.ownHost(r.Host) {
		return problem(codeForbiddenOrigin, "without PUSHD_API_KEY only this machine may ask: address pushd as localhost or 127.0.0.1, or set a key")
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil // its answer can't be read by another site
	}
	if s.crossSite(r) {
		return problem(codeForbiddenOrigin, "the request comes from a web page of another site; set PUSHD_API_KEY to allow more than this machine's own programs")
	}
	return nil
}

// crossSite says that a browser sends the request for a page that pushd did
// not serve.
func (s *Server) crossSite(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return true
	}
	origins := r.Header.Values("Origin")
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) || u.Host == "" {
			return true
		}
	}
	return false
}
