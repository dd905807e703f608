package httpconn_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"pushd/internal/httpconn"
)

// A request that failed may be repeated if nothing of it was written. From its
// first byte on the server may have got it, and may have acted on it.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) == `{"to":"nobody"}` {
			panic(http.ErrAbortHandler) // hang up
		}
		fmt.Fprintf(w, "%s with key %s", body, r.FormValue("key"))
	}))
	to, _ := url.Parse(server.URL + "/messages")
	client, err := httpconn.New(httpconn.Options{
		URL: to, Param: "key", UserAgent: "example", ContentType: "application/json",
		Timeout: time.Second, MaxConns: 8,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	buf := make([]byte, 1<<10)
	post := func(recipient string) {
		r, err := client.Post(context.Background(), httpconn.Request{
			Param: "secret", Head: []byte(`{"to":"`), Middle: recipient, Tail: []byte(`"}`),
		}, buf)
		switch {
		case err == nil:
			fmt.Println(r.Status, string(r.Body))
		case r.Written:
			fmt.Println("in doubt: it may have arrived")
		default:
			fmt.Println("not written: it may be repeated")
		}
	}
	post("anne")
	post("nobody")
	server.Close()
	post("anne")
	// Output:
	// 200 {"to":"anne"} with key secret
	// in doubt: it may have arrived
	// not written: it may be repeated
}
