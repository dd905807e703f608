package httpconn

import (
	"net/http"
	"testing"
)

func BenchmarkPost(b *testing.B) {
	c := serve(b, answer, nil)
	o := options(b, "https://"+c.sender.(*pool).address)
	o.TLS = c.sender.(*pool).tls
	o.Transport = &http.Transport{TLSClientConfig: o.TLS}
	b.Cleanup(o.Transport.CloseIdleConnections)
	buf := make([]byte, 4<<10)
	for name, c := range map[string]*Client{"Pool": c, "Transport": {newProxied(o)}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Post(b.Context(), request("good"), buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Look", func(b *testing.B) { // the part of Pool that looks for what was not asked for
		b.ReportAllocs()
		idle := c.sender.(*pool).idle[0]
		for b.Loop() {
			if !idle.silent() {
				b.Fatal("something has come in")
			}
		}
	})
}
