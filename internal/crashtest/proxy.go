package crashtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Proxy stands between pushd and the database and does to its statements what
// networks and servers do. pushd's statements travel as plain text, one packet
// each, so each can be looked at.
type Proxy struct {
	listener net.Listener
	server   string // socket

	mu    sync.Mutex
	rule  func(statement []byte) Fate
	conns map[net.Conn]bool
	work  sync.WaitGroup
}

// Fate is what happens to one statement; the zero value lets it pass.
type Fate struct {
	Delay time.Duration // before the server sees it
	// Error is a MySQL error number answered in the server's place.
	Error uint16
	// LoseAnswer: the server does it, and the connection breaks before its
	// answer gets through.
	LoseAnswer bool
	// Replace, if not nil, is what the server gets to see.
	Replace []byte
}

// NewProxy listens at a socket of its own.
func NewProxy(path, server string) (*Proxy, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{listener: l, server: server, conns: map[net.Conn]bool{}}
	p.work.Go(p.accept)
	return p, nil
}

// Rule sets what happens to statements from now on; nil lets all pass.
func (p *Proxy) Rule(rule func(statement []byte) Fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// Cut breaks all connections. New ones are served.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

// Connections is how many clients are connected.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns)
}

// Close ends the proxy.
func (p *Proxy) Close() {
	p.listener.Close()
	p.Cut()
	p.work.Wait()
	os.Remove(p.listener.Addr().String())
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.conns[c] = true
		p.mu.Unlock()
		p.work.Go(func() {
			p.serve(c)
			c.Close()
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.conns, c)
		})
	}
}

// serve carries one connection.
func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	lose := make(chan struct{}, 1)
	p.work.Go(func() {
		defer client.Close()
		defer server.Close()
		b := make([]byte, 64<<10)
		for {
			n, err := server.Read(b)
			if err != nil {
				return
			}
			select {
			case <-lose: // the answer is swallowed, and the connection breaks
				return
			default:
			}
			if _, err := client.Write(b[:n]); err != nil {
				return
			}
		}
	})
	in := bufio.NewReader(client)
	for {
		packet, err := readPacket(in)
		if err != nil {
			return
		}
		if out, pass := p.judge(packet, client, lose); !pass {
			continue
		} else if _, err := server.Write(out); err != nil {
			return
		}
	}
}

// readPacket reads one packet with its header.
func readPacket(r io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n == 1<<24-1 {
		return nil, errors.New("packet of more than 16 MiB")
	}
	packet := append(head, make([]byte, n)...)
	_, err := io.ReadFull(r, packet[4:])
	return packet, err
}

// judge applies the rule to a packet; pass is false if the server does not
// get it.
func (p *Proxy) judge(packet []byte, client net.Conn, lose chan<- struct{}) (out []byte, pass bool) {
	const comQuery = 3
	p.mu.Lock()
	rule := p.rule
	p.mu.Unlock()
	if rule == nil || packet[3] != 0 || len(packet) < 6 || packet[4] != comQuery {
		return packet, true
	}
	fate := rule(packet[5:])
	if fate.Delay > 0 {
		time.Sleep(fate.Delay)
	}
	if fate.Error != 0 {
		client.Write(errorPacket(fate.Error))
		return nil, false
	}
	if fate.LoseAnswer {
		lose <- struct{}{}
	}
	if fate.Replace != nil {
		out = make([]byte, 5, 5+len(fate.Replace))
		binary.LittleEndian.PutUint32(out, uint32(len(fate.Replace)+1)) // the top byte is the number, 0
		out[4] = comQuery
		return append(out, fate.Replace...), true
	}
	return packet, true
}

// errorPacket is the server's first answer to a statement, a refusal.
func errorPacket(number uint16) []byte {
	body := []byte{0xff, byte(number), byte(number >> 8)}
	body = append(body, "#HY000injected by the test"...)
	return append([]byte{byte(len(body)), 0, 0, 1}, body...)
}

// writes says whether a statement changes something or ends a transaction
// that may have.
func writes(statement []byte) bool {
	s := bytes.ToUpper(bytes.TrimSpace(statement[:min(len(statement), 32)]))
	for _, verb := range []string{"UPDATE", "INSERT", "DELETE", "COMMIT"} {
		if bytes.HasPrefix(s, []byte(verb)) {
			return true
		}
	}
	return false
}
