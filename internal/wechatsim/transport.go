package wechatsim

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport carries requests to the simulator without a network, so that
// they can be made under testing/synctest. Broken connections come out as
// io.ErrUnexpectedEOF.
func (s *Sim) Transport() http.RoundTripper { return &inside{&Door{sim: s}} }

type inside struct{ door *Door }

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
		switch p := recover(); {
		case p == http.ErrAbortHandler && r.Context().Err() != nil:
			resp, err = nil, r.Context().Err()
		case p == http.ErrAbortHandler:
			resp, err = nil, io.ErrUnexpectedEOF
		case p != nil:
			panic(p)
		}
	}()
	w := httptest.NewRecorder()
	in.door.ServeHTTP(w, served)
	resp = w.Result()
	resp.Request = r
	return resp, nil
}
