package wechatsim

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport carries requests to the simulator without a network, so that
// they can be made under testing/synctest. Broken connections come out as
// io.ErrUnexpectedEOF.
func (s *Sim) Transport() http.RoundTripper { return &inside{&Listener{sim: s}} }

type inside struct{ listener *Listener }

// RoundTrip implements http.RoundTripper.
func (in *inside) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	served := r.Clone(r.Context())
	served.Body = http.NoBody
	if r.Body != nil {
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		served.Body = io.NopCloser(bytes.NewReader(text))
	}
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if fault, ok := p.(error); !ok || !errors.Is(fault, http.ErrAbortHandler) {
			panic(p)
		}
		resp, err = nil, r.Context().Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
	}()
	w := httptest.NewRecorder()
	in.listener.ServeHTTP(w, served)
	resp = w.Result()
	resp.Request = r
	return resp, nil
}
