package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// pipes is a listener of in-memory connections, whose deadlines follow the
// clock of the test.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// serving runs the test with the real server, on a clock that jumps.
func serving(t *testing.T, w *world, test func(dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := HTTPServer("", New(w.options), slog.New(slog.DiscardHandler))
		ended := make(chan error)
		go func() { ended <- server.Serve(l) }()
		test(l.dial)
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

const head = " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + theKey + "\r\n"

// say writes to the server without waiting for it to read: a pipe has no
// buffer.
func say(conn net.Conn, text string) { go func() { _, _ = io.WriteString(conn, text) }() }

func hear(t *testing.T, conn net.Conn) *http.Response {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestHTTPServer_HeaderTooSlow(t *testing.T) {
	serving(t, newWorld(), func(dial func() net.Conn) {
		conn, began := dial(), time.Now()
		defer conn.Close()
		say(conn, "GET /healthz HTTP/1.1\r\n")
		_, err := io.ReadAll(conn)
		if took := time.Since(began); err != nil || took != headerTimeout {
			t.Errorf("cut off after %v: %v", took, err)
		}
	})
}

func TestHTTPServer_BodyTooSlow(t *testing.T) {
	serving(t, newWorld(), func(dial func() net.Conn) {
		conn, began := dial(), time.Now()
		defer conn.Close()
		say(conn, "POST /v1/jobs"+head+"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"actid\":")
		res := hear(t, conn)
		if took := time.Since(began); res.StatusCode != 408 || took != bodyTimeout {
			t.Errorf("answered %d after %v", res.StatusCode, took)
		}
	})
}

func TestHTTPServer_IdleTooLong(t *testing.T) {
	serving(t, newWorld(), func(dial func() net.Conn) {
		conn, began := dial(), time.Now()
		defer conn.Close()
		say(conn, "GET /readyz"+head+"\r\n")
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_, err = in.ReadByte()
		if took := time.Since(began); !errors.Is(err, io.EOF) || took != idleTimeout {
			t.Errorf("closed after %v: %v", took, err)
		}
	})
}

// What takes longer than a request may take to arrive is answered all the
// same, with and without a body.
func TestHTTPServer_AnswerTakesLong(t *testing.T) {
	w := newWorld()
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) {
		time.Sleep(callTimeout - time.Second) // on the clock that jumps
		return job(pushd.Running), nil
	}
	var lost error
	w.options.Control = slowControl{&w.control, &lost}
	serving(t, w, func(dial func() net.Conn) {
		const body = `{"actid":42,"appid":"wx01","dryRun":true}`
		for _, request := range []string{
			"GET /v1/jobs/" + theJob + head + "\r\n",
			fmt.Sprintf("POST /v1/jobs%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body),
		} {
			conn := dial()
			say(conn, request)
			if res := hear(t, conn); res.StatusCode != 200 || lost != nil {
				t.Errorf("%.20s: answered %d, context %v", request, res.StatusCode, lost)
			}
			conn.Close()
		}
	})
}

// slowControl takes its time for a dry run, and tells whether it was cut off.
type slowControl struct {
	Control
	lost *error
}

func (s slowControl) Estimate(ctx context.Context, _ pushd.Request) (pushd.Estimate, error) {
	time.Sleep(callTimeout - time.Second)
	*s.lost = ctx.Err()
	return pushd.Estimate{}, ctx.Err()
}

// A call that never comes back is not waited for.
func TestHTTPServer_DatabaseHangs(t *testing.T) {
	w := newWorld()
	w.options.Control = hangingControl{&w.control}
	serving(t, w, func(dial func() net.Conn) {
		conn, began := dial(), time.Now()
		defer conn.Close()
		say(conn, "POST /v1/jobs/"+theJob+"/pause"+head+"Content-Length: 0\r\n\r\n")
		res := hear(t, conn)
		if took := time.Since(began); res.StatusCode != 503 || took != callTimeout {
			t.Errorf("answered %d after %v", res.StatusCode, took)
		}
	})
}

type hangingControl struct{ Control }

func (hangingControl) Pause(ctx context.Context, _ pushd.JobID) (pushd.Job, error) {
	<-ctx.Done()
	return pushd.Job{}, ctx.Err()
}

// A long list is no reason to cut a client off, as long as it reads.
func TestHTTPServer_StreamTakesLong(t *testing.T) {
	const pieces = 30
	w := newWorld()
	w.jobs.FailuresFunc = func(ctx context.Context, _ []pushd.PersonState, yield func(pushd.Failure) error) error {
		for i := range pieces * flushEvery {
			if i%flushEvery == 0 {
				time.Sleep(writeTimeout / 2)
			}
			if err := yield(pushd.Failure{OpenID: "oA1", State: pushd.PersonFailed, Code: 1, Page: 1}); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	serving(t, w, func(dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		say(conn, "GET "+failuresPath+head+"\r\n")
		body, err := io.ReadAll(hear(t, conn).Body)
		if lines := strings.Count(string(body), "\n"); err != nil || lines != pieces*flushEvery {
			t.Errorf("%d lines, %v", lines, err)
		}
	})
}

// One that does not read is cut off.
func TestHTTPServer_ClientDoesNotRead(t *testing.T) {
	w := newWorld()
	var stopped error
	w.jobs.FailuresFunc = func(_ context.Context, _ []pushd.PersonState, yield func(pushd.Failure) error) error {
		for stopped == nil {
			stopped = yield(pushd.Failure{OpenID: "oA1", State: pushd.PersonFailed, Code: 1, Page: 1})
		}
		return stopped
	}
	serving(t, w, func(dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		say(conn, "GET "+failuresPath+head+"\r\n")
		time.Sleep(2 * writeTimeout)
		synctest.Wait()
		if stopped == nil {
			t.Error("it is still written to")
		}
	})
}

func TestHTTPServer_ClientDoesNotReadAnAnswer(t *testing.T) {
	serving(t, newWorld(), func(dial func() net.Conn) {
		conn := dial()
		defer conn.Close()
		say(conn, "GET /v1/openapi.yaml"+head+"\r\n")
		time.Sleep(2 * writeTimeout)
		if got, err := io.ReadAll(conn); len(got) > len(OpenAPI)/2 {
			t.Errorf("%d bytes came after all, %v", len(got), err)
		}
	})
}
