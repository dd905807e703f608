// Package chromium drives a real Chromium for tests, over the pipe of its
// DevTools protocol: no port, no driver program, no further library.
//
//	b, err := chromium.Start(ctx, t.TempDir())
//	defer b.Close()
//	p, err := b.Page(ctx, chromium.Phone)
//	err = p.Open(ctx, "http://127.0.0.1:8000/")
//	err = p.Wait(ctx, `document.title == "ready"`)
//
// Protocol: https://chromedevtools.github.io/devtools-protocol/
package chromium

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	cmd  *exec.Cmd
	to   *os.File // commands, each ended by a NUL
	from *os.File // answers and events, the same
	done chan struct{}

	mu      sync.Mutex
	last    int64
	waiting map[int64]chan message
	pages   map[string]*Page // by session
	log     bytes.Buffer     // what Chromium said on stderr
}

// message is a command, an answer or an event.
type message struct {
	ID      int64           `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Start starts Chromium with a fresh profile in dir.
func Start(ctx context.Context, dir string) (*Browser, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	toRead, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, fromWrite, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, toRead.Close(), to.Close())
	}
	b := &Browser{to: to, from: from, done: make(chan struct{}), waiting: map[int64]chan message{}, pages: map[string]*Page{}}
	b.cmd = exec.Command(program,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--disable-default-apps", "--hide-scrollbars", "--lang=zh-CN", "--remote-debugging-pipe", "--user-data-dir="+dir)
	b.cmd.ExtraFiles = []*os.File{toRead, fromWrite} // 3 and 4, where it looks for them
	b.cmd.Stderr = &lockedWriter{b: b}
	b.cmd.Env = append(os.Environ(), "HOME="+dir, "LANG=zh_CN.UTF-8", "LANGUAGE=zh_CN")
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its helpers end with it
	err = b.cmd.Start()
	toRead.Close()
	fromWrite.Close()
	if err != nil {
		return nil, errors.Join(err, to.Close(), from.Close())
	}
	go b.listen()
	if _, err := b.call(ctx, "", "Browser.getVersion", nil); err != nil {
		return nil, errors.Join(fmt.Errorf("start chromium: %w: %s", err, b.said()), b.Close())
	}
	return b, nil
}

func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium is not installed (Debian: apt-get install chromium fonts-noto-cjk)")
}

// listen hands answers to those who wait and events to their pages.
func (b *Browser) listen() {
	defer close(b.done)
	r := bufio.NewReader(b.from)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if answer, ok := b.waiting[m.ID]; ok && m.ID != 0 {
			delete(b.waiting, m.ID)
			answer <- m // has room for one
		} else if p := b.pages[m.Session]; p != nil {
			p.event(m)
		}
		b.mu.Unlock()
	}
}

// call sends a command and waits for its answer.
func (b *Browser) call(ctx context.Context, session, method string, params any) (json.RawMessage, error) {
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.waiting[id] = answer
	text, err := json.Marshal(message{ID: id, Session: session, Method: method, Params: raw})
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-b.done:
		return nil, fmt.Errorf("%s: chromium has ended", method)
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}

// Close ends Chromium and its helpers.
func (b *Browser) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_, _ = b.call(ctx, "", "Browser.close", nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.cmd.Wait() // how it ends does not matter
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) // its own group: whoever is left
	<-ended
	err := errors.Join(b.to.Close(), b.from.Close())
	<-b.done
	return err
}

func (b *Browser) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

// lockedWriter keeps what Chromium says.
type lockedWriter struct{ b *Browser }

var _ io.Writer = (*lockedWriter)(nil)

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	return w.b.log.Write(p)
}
