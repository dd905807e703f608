package wechatsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Until is what Remote.Wait waits for: all of the counts have been reached.
type Until struct {
	Sends, Delivered, Pages, PHPCalls, Callbacks int64
}

func (u Until) reached(t Stats) bool {
	return t.Sends >= u.Sends && t.Delivered >= u.Delivered && t.Pages >= u.Pages &&
		t.PHPCalls >= u.PHPCalls && t.Callbacks >= u.Callbacks
}

// ListenerStats is what came in by a listener.
type ListenerStats struct {
	URL      string
	Sends    int64
	LastSend time.Time
}

// Control is the simulator's remote control, for one that runs in another
// process: JSON in, JSON out, names as in Go, durations in nanoseconds.
// Remote is its client.
func (s *Sim) Control() http.Handler {
	m := http.NewServeMux()
	handle(m, "POST /advance", func(r *http.Request, d *time.Duration) (any, error) {
		s.Advance(*d)
		return s.Now(), nil
	})
	handle(m, "GET /listeners", func(*http.Request, *none) (any, error) { return s.listenerStats(), nil })
	handle(m, "POST /faults", func(r *http.Request, f *Fault) (any, error) { return s.Faults.Add(*f), nil })
	handle(m, "DELETE /faults", func(*http.Request, *none) (any, error) {
		s.Faults.ClearAll()
		return nil, nil
	})
	handle(m, "DELETE /faults/{id}", func(r *http.Request, _ *none) (any, error) {
		s.Faults.Clear(r.PathValue("id"))
		return nil, nil
	})
	handle(m, "GET /faults/{id}", func(r *http.Request, _ *none) (any, error) {
		return s.Faults.Hits(r.PathValue("id")), nil
	})
	handle(m, "PUT /accounts/{appid}", func(r *http.Request, raw *json.RawMessage) (any, error) {
		b := Default()
		opts := AccountOptions{Behaviour: &b}
		if err := json.Unmarshal(*raw, &opts); err != nil {
			return nil, err
		}
		s.Account(r.PathValue("appid"), opts)
		return nil, nil
	})
	for pattern, act := range accountActs() {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			a := s.Find(r.PathValue("appid"))
			if a == nil {
				finish(w, nil, errors.New("no such account"))
				return
			}
			out, err := act(a, r)
			finish(w, out, err)
		})
	}
	return m
}

type none struct{}

// handle mounts an act that reads its body as JSON into In.
func handle[In any](m *http.ServeMux, pattern string, act func(*http.Request, *In) (any, error)) {
	m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		in := new(In)
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			if err := json.NewDecoder(r.Body).Decode(in); err != nil {
				finish(w, nil, err)
				return
			}
		}
		out, err := act(r, in)
		finish(w, out, err)
	})
}

// finish answers 200 with the result or 400 with the error.
func finish(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(out)
}

func found[T any](v T, ok bool) (any, error) {
	if !ok {
		return nil, errors.New("not found")
	}
	return v, nil
}

func formInt(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.FormValue(name))
	if err != nil {
		return 0
	}
	return n
}

// waitFor waits until the counts are reached or the simulator closes.
func (s *Sim) waitFor(ctx context.Context, a *Account, until Until) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	if err := a.Wait(ctx, until.reached); err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	return nil
}

func (s *Sim) listenerStats() []ListenerStats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := []ListenerStats{}
	for _, d := range s.listeners {
		if d.control {
			continue
		}
		all = append(all, ListenerStats{d.URL, d.Sends(), d.LastSend()})
	}
	return all
}

// StartControl opens the remote control at an address and returns its URL.
func (s *Sim) StartControl(addr string) (string, error) {
	d := &Listener{sim: s, control: true}
	if err := s.open(d, addr, false, s.Control()); err != nil {
		return "", fmt.Errorf("open control at %s: %w", addr, err)
	}
	return d.URL, nil
}
