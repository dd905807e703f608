package wechatsim

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Listener is an address at which a simulator listens. Give each process under
// test a listener of its own, and the listeners tell who sent what.
type Listener struct {
	URL     string // "https://127.0.0.1:40123"
	CertPEM []byte // of its certificate, which is its own authority; nil without TLS

	sim     *Sim
	control bool // the remote control, not an address of WeChat
	sends   atomic.Int64
	last    atomic.Int64 // Sim.Now of the newest send, unix ns
	server  *http.Server
	served  chan struct{}
	once    sync.Once
}

// Sends is how many sends came in by this listener.
func (l *Listener) Sends() int64 { return l.sends.Load() }

// LastSend is when the newest send came in by this listener.
func (l *Listener) LastSend() time.Time {
	if ns := l.last.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// Handler is WeChat's API as a handler; the PHP token endpoint is under
// /php/token.
func (s *Sim) Handler() http.Handler { return &Listener{sim: s} }

// ServeHTTP implements http.Handler.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := l.sim
	switch r.URL.Path {
	case "/cgi-bin/message/template/send":
		l.sends.Add(1)
		l.last.Store(s.Now().UnixNano())
		s.serveSend(w, r)
		return
	case "/cgi-bin/showqrcode":
		s.serveQR(w, r)
		return
	case "/php/token":
		s.servePHP(w, r)
		return
	}
	if to, ok := s.route(r.URL.Path); ok {
		s.serveCall(w, r, to)
		return
	}
	http.NotFound(w, r)
}

// Start opens a listener without TLS on a free loopback port.
func (s *Sim) Start() (*Listener, error) { return s.Listen("127.0.0.1:0", false) }

// StartTLS opens a listener with TLS on a free loopback port.
func (s *Sim) StartTLS() (*Listener, error) { return s.Listen("127.0.0.1:0", true) }

// Listen opens a listener at an address.
func (s *Sim) Listen(addr string, secure bool) (*Listener, error) {
	l := &Listener{sim: s}
	if err := s.open(l, addr, secure, l); err != nil {
		return nil, fmt.Errorf("open listener at %s: %w", addr, err)
	}
	return l, nil
}

// open starts l's server with a handler.
func (s *Sim) open(l *Listener, addr string, secure bool, handler http.Handler) error {
	socket, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	l.URL = "http://" + socket.Addr().String()
	if secure {
		cert, text, err := s.cert.get()
		if err != nil {
			socket.Close()
			return err
		}
		l.URL, l.CertPEM = "https://"+socket.Addr().String(), text
		socket = tls.NewListener(socket, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	l.served = make(chan struct{})
	l.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		// Clients that are killed leave broken handshakes behind.
		ErrorLog: log.New(silence{}, "", 0),
	}
	go func() {
		defer close(l.served)
		l.server.Serve(socket)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, l)
	return nil
}

type silence struct{}

func (silence) Write(p []byte) (int, error) { return len(p), nil }

// Close closes the listener and its connections.
func (l *Listener) Close() {
	if l.server == nil {
		return
	}
	l.once.Do(func() {
		l.server.Close()
		<-l.served
	})
}

// TLSConfig is what a client needs to trust the listener.
func (l *Listener) TLSConfig() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(l.CertPEM)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// Client is an HTTP client that trusts the listener and keeps up to conns
// connections. The caller closes its idle connections.
func (l *Listener) Client(conns int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     l.TLSConfig(),
		MaxIdleConns:        conns,
		MaxIdleConnsPerHost: conns,
	}}
}

// WriteCert writes the certificate to a file, for SSL_CERT_FILE of a process
// under test.
func (l *Listener) WriteCert(path string) error {
	if err := os.WriteFile(path, l.CertPEM, 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	return nil
}
