package httpconn

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// A proxy that refuses has been given no request.
func TestProxied_Refused(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not you", http.StatusForbidden)
	}))
	defer proxy.Close()
	o := options(t, "https://127.0.0.1:1")
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	o.Transport = &http.Transport{Proxy: http.ProxyURL(u)}
	defer o.Transport.CloseIdleConnections()
	if r, err := client(t, o).Post(t.Context(), request("good"), nil); err == nil || r.Written {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A sealed body gives nothing more, whoever still reads it.
func TestBody(t *testing.T) {
	p := newBody(request("x"))
	if p.begun() {
		t.Error("begun before it was read")
	}
	if n, err := p.first.Read(make([]byte, 10)); n != 0 || !errors.Is(err, errSealed) {
		t.Errorf("sealed: read %d, %v", n, err)
	}
	p = newBody(request("some of it"))
	one, err := io.ReadAll(&p.first)
	if err != nil || !p.begun() || string(one) != "<some of it>" {
		t.Errorf("read %s, %v", one, err)
	}
	r, _ := p.again()
	if two, err := io.ReadAll(bufio.NewReaderSize(r, 16)); err != nil || string(two) != string(one) || !p.begun() {
		t.Errorf("again: %s, %v", two, err)
	}
	if _, err = p.again(); err != nil || p.begun() {
		t.Error("the transport says that nothing was written, and it counts as begun")
	}
}
