package rig_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd"
	"pushd/internal/ledgertest"
	"pushd/internal/mariadb"
	"pushd/internal/rig"
)

// BenchmarkReceipts posts receipts as PHP does, over 64 connections, for a job of
// 100,000 recipients on MariaDB: how many are answered a second, and after how long
// the last of them is written.
func BenchmarkReceipts(b *testing.B) {
	ctx := context.WithoutCancel(b.Context())
	srv, err := mariadb.Start(ctx)
	must(b, err)
	defer srv.Stop()
	schema, err := os.ReadFile("../../deploy/schema.sql")
	must(b, err)
	r, err := rig.New(ctx, rig.Options{Seed: 1, Server: srv, Schema: string(schema)})
	must(b, err)
	defer r.Close()
	recipients := walked(ctx, b, r, 10)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	post := func(i int) error {
		body := fmt.Sprintf("<xml><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType>"+
			"<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>%d</MsgID><Status><![CDATA[success]]></Status></xml>", recipients[i%len(recipients)], time.Now().Unix(), i)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+"/v1/receipts?appid="+burstApp, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+r.Key)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %s, %w", resp.Status, err)
		}
		return nil
	}
	b.ResetTimer()
	var all sync.WaitGroup
	next := make(chan int)
	for range 64 {
		all.Go(func() {
			for i := range next {
				if err := post(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	all.Wait()
	answered := b.Elapsed()
	b.StopTimer()
	began := time.Now()
	for {
		text, err := r.API().Raw(ctx, http.MethodGet, "/metrics", nil)
		must(b, err)
		if strings.Contains(string(text), "\npushd_receipts_waiting 0\n") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/answered.Seconds(), "receipts/s")
	b.ReportMetric(time.Since(began).Seconds(), "s-until-written")
}

// burstApp is the account of the benchmark.
const burstApp = "wxburst000000001"

// walked makes a job that has sent to so many full pages.
func walked(ctx context.Context, b *testing.B, r *rig.Rig, pages int) (all []pushd.OpenID) {
	b.Helper()
	must(b, r.AddChannel(ctx, rig.Channel{ActID: 1, AppID: burstApp, Start: time.Now().Add(time.Hour)}))
	must(b, r.StopDaemon()) // the job is this test's
	j, err := r.Store.Create(ctx, pushd.Job{ActID: 1, AppID: burstApp, StartTime: time.Now().Unix(), Deadline: 1 << 60})
	must(b, err)
	j, err = r.Store.Claim(ctx, pushd.Owner{Instance: "other", Boot: "1"}, j.ID, time.Hour)
	must(b, err)
	for no := 1; no <= pages; no++ {
		page := pushd.Page{No: no}
		for i := range pushd.PageSize {
			page.OpenIDs = append(page.OpenIDs, pushd.OpenID(fmt.Sprintf("o6_bmasdasdsad6_%06d_%05d", no, i)))
		}
		must(b, r.Store.StorePage(ctx, j.Lease(), page, pushd.Walk{Pass: 1, Pages: no, Walked: int64(no * pushd.PageSize), PassAt: 1}))
		people := slices.Repeat([]pushd.Person{{State: pushd.PersonSent}}, pushd.PageSize)
		must(b, r.Store.Record(ctx, j.Lease(), []pushd.Progress{ledgertest.ProgressOf(no, people...)}))
		all = append(all, page.OpenIDs...)
	}
	must(b, r.StartDaemon(ctx))
	return all
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
