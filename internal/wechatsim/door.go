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

// Door is an address at which a simulator listens. Give each process under
// test a door of its own, and the doors tell who sent what.
type Door struct {
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

// Sends is how many sends came in by this door.
func (d *Door) Sends() int64 { return d.sends.Load() }

// LastSend is when the newest send came in by this door.
func (d *Door) LastSend() time.Time {
	if ns := d.last.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// Handler is WeChat's API as a handler; the PHP token endpoint is under
// /php/token.
func (s *Sim) Handler() http.Handler { return &Door{sim: s} }

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := d.sim
	switch r.URL.Path {
	case "/cgi-bin/message/template/send":
		d.sends.Add(1)
		d.last.Store(s.Now().UnixNano())
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

// Start opens a door without TLS on a free loopback port.
func (s *Sim) Start() (*Door, error) { return s.Listen("127.0.0.1:0", false) }

// StartTLS opens a door with TLS on a free loopback port.
func (s *Sim) StartTLS() (*Door, error) { return s.Listen("127.0.0.1:0", true) }

// Listen opens a door at an address.
func (s *Sim) Listen(addr string, secure bool) (*Door, error) {
	d := &Door{sim: s}
	if err := s.open(d, addr, secure, d); err != nil {
		return nil, fmt.Errorf("open door at %s: %w", addr, err)
	}
	return d, nil
}

// open starts d's server with a handler.
func (s *Sim) open(d *Door, addr string, secure bool, handler http.Handler) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	d.URL = "http://" + l.Addr().String()
	if secure {
		cert, text, err := s.cert.get()
		if err != nil {
			l.Close()
			return err
		}
		d.URL, d.CertPEM = "https://"+l.Addr().String(), text
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	d.served = make(chan struct{})
	d.server = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		// Clients that are killed leave broken handshakes behind.
		ErrorLog: log.New(silence{}, "", 0),
	}
	go func() {
		defer close(d.served)
		d.server.Serve(l)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doors = append(s.doors, d)
	return nil
}

type silence struct{}

func (silence) Write(p []byte) (int, error) { return len(p), nil }

// Close closes the door and cuts who is inside.
func (d *Door) Close() {
	if d.server == nil {
		return
	}
	d.once.Do(func() {
		d.server.Close()
		<-d.served
	})
}

// TLSConfig is what a client needs to trust the door.
func (d *Door) TLSConfig() *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(d.CertPEM)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// Client is an HTTP client that trusts the door and keeps up to conns
// connections. The caller closes its idle connections.
func (d *Door) Client(conns int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     d.TLSConfig(),
		MaxIdleConns:        conns,
		MaxIdleConnsPerHost: conns,
	}}
}

// WriteCert writes the certificate to a file, for SSL_CERT_FILE of a process
// under test.
func (d *Door) WriteCert(path string) error {
	if err := os.WriteFile(path, d.CertPEM, 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	return nil
}
