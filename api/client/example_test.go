package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"pushd"
	"pushd/api/client"
)

// A reminder is posted, and posted again. The second POST finds the job.
func Example() {
	posts := 0
	mux := http.NewServeMux() // in place of a running pushd
	mux.HandleFunc("POST /v1/jobs", func(w http.ResponseWriter, _ *http.Request) {
		posts++
		fmt.Fprintf(w, `{"id":"j1","state":"running","existing":%v}`, posts > 1)
	})
	mux.HandleFunc("POST /v1/jobs/j1/retry", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"code":"job_active","detail":"job j1 is running"}`)
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	api := client.Client{URL: server.URL, Key: "one-of-PUSHD_API_KEY"}
	for range 2 {
		job, err := api.Post(context.Background(), client.Order{ActID: 42, AppID: "wx0123456789abcdef"})
		if err != nil {
			panic(err)
		}
		fmt.Println(job.ID, job.Standing(), job.Existing)
	}
	_, err := api.Retry(context.Background(), "j1", client.Retry{})
	fmt.Println(err, client.Code(err) == pushd.CodeJobActive, client.Temporary(err))
	// Output:
	// j1 running false
	// j1 running true
	// job j1 is running (job_active, HTTP 409) true false
}
