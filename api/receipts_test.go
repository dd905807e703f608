package api

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pushd"
)

const asXML = "text/xml"

// receiptXML is a receipt as WeChat posts it.
func receiptXML(openid, status string) string {
	return fmt.Sprintf(`<xml>
<ToUserName><![CDATA[gh_7f083739789a]]></ToUserName>
<FromUserName><![CDATA[%s]]></FromUserName>
<CreateTime>1772366400</CreateTime>
<MsgType><![CDATA[event]]></MsgType>
<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event>
<MsgID>3487542469355618313</MsgID>
<Status><![CDATA[%s]]></Status>
</xml>`, openid, status)
}

// asWeChat is the query by which WeChat signs; token is the callback's.
func asWeChat(token string, at time.Time) url.Values {
	stamp, nonce := fmt.Sprint(at.Unix()), "n1"
	parts := []string{token, stamp, nonce}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return url.Values{"appid": {"wx01"}, "signature": {hex.EncodeToString(sum[:])}, "timestamp": {stamp}, "nonce": {nonce}, "openid": {"oA1"}}
}

// mirrored posts a receipt as nginx hands it on: without a key.
func mirrored(w *world, q url.Values, body string) *httptest.ResponseRecorder {
	r := request("POST", receiptsPath+"?"+q.Encode(), asXML, body)
	r.Header.Del("Authorization")
	return w.serve(r)
}

func TestServer_Receipts(t *testing.T) {
	for status, want := range map[string]pushd.Receipt{
		"success": pushd.ReceiptDelivered, "failed:user block": pushd.ReceiptBlocked, "failed: user block": pushd.ReceiptBlocked,
		"failed: system failed": pushd.ReceiptSystemFailed, "failed:freq limit": pushd.ReceiptFreqLimit, "failed:something new": pushd.ReceiptOther,
	} {
		w := newWorld()
		rec := w.serve(request("POST", receiptsPath+"?appid=wx01", asXML, receiptXML("oA1", status)))
		if rec.Code != 200 || rec.Body.String() != "success" {
			t.Fatalf("%s: answered %d %s", status, rec.Code, rec.Body)
		}
		if got := (pushd.Reported{AppID: "wx01", OpenID: "oA1", At: noon, Receipt: want}); len(w.taken) != 1 || w.taken[0] != got {
			t.Errorf("%s: took %+v, want %+v", status, w.taken, got)
		}
		if strings.Contains(w.log.String(), `"level":"INFO"`) {
			t.Errorf("thousands a second would fill the log: %s", w.log.String())
		}
	}
}

// Other events come by the same way and are none of pushd's business.
func TestServer_ReceiptsIgnoreOtherEvents(t *testing.T) {
	for _, body := range []string{
		strings.Replace(receiptXML("oA1", ""), "TEMPLATESENDJOBFINISH", "subscribe", 1),
		"<xml><MsgType>text</MsgType><Content>TEMPLATESENDJOBFINISH</Content></xml>", "anything", "",
	} {
		w := newWorld()
		if rec := w.serve(request("POST", receiptsPath+"?appid=wx01", asXML, body)); rec.Code != 200 || rec.Body.String() != "success" {
			t.Errorf("%s: answered %d %s", body, rec.Code, rec.Body)
		}
		if len(w.taken) != 0 {
			t.Errorf("%s: took %+v", body, w.taken)
		}
	}
}

// Without a key a receipt counts if WeChat has signed it, and else not: anyone can
// post to the callback that nginx mirrors.
func TestServer_ReceiptsSignature(t *testing.T) {
	right := CallbackToken(callbackSecret, "wx01", "")
	now := time.Now()
	change := func(key, value string) func(url.Values) { return func(q url.Values) { q.Set(key, value) } }
	for name, c := range map[string]struct {
		token string
		at    time.Time
		spoil func(url.Values)
		want  int
	}{
		"right":               {right, now, nil, 200},
		"four minutes old":    {right, now.Add(-4 * time.Minute), nil, 200},
		"old":                 {right, now.Add(-6 * time.Minute), nil, 403},
		"of the future":       {right, now.Add(6 * time.Minute), nil, 403},
		"of another token":    {CallbackToken("other", "wx01", ""), now, nil, 403},
		"of another account":  {right, now, change("appid", "wx02"), 403},
		"with another nonce":  {right, now, change("nonce", "n2"), 403},
		"empty":               {right, now, change("signature", ""), 403},
		"with no time":        {right, now, change("timestamp", "x"), 403},
		"without a signature": {right, now, func(q url.Values) { q.Del("signature") }, 401},
		"renewed":             {CallbackToken(callbackSecret, "wx01", "2"), now, change("v", "2"), 200},
		"of another version":  {CallbackToken(callbackSecret, "wx01", "2"), now, change("v", "3"), 403},
		"of no version":       {CallbackToken(callbackSecret, "wx01", "0"), now, change("v", "0"), 403},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			q := asWeChat(c.token, c.at)
			if c.spoil != nil {
				c.spoil(q)
			}
			rec := mirrored(w, q, receiptXML("oA1", "success"))
			for _, got := range w.taken {
				if version, _ := strconv.Atoi(q.Get("v")); !got.Signed || got.Version != version {
					t.Errorf("took %+v, of version %d", got, version)
				}
			}
			if rec.Code != c.want || (rec.Code == 200) != (len(w.taken) == 1) {
				t.Errorf("answered %d %s, took %d; want %d", rec.Code, rec.Body, len(w.taken), c.want)
			}
			wantNoMarks(t, "the answer", rec.Body.String())
			wantNoMarks(t, "the log", w.log.String())
		})
	}
	t.Run("with a key too", func(t *testing.T) { // whoever adds one to what anyone may post opens no door
		w := newWorld()
		wantProblem(t, w.serve(request("POST", receiptsPath+"?appid=wx01&signature=x&timestamp=1&nonce=n", asXML, receiptXML("oA1", "success"))), 403, codeBadSignature, "")
	})
	t.Run("without a secret", func(t *testing.T) {
		w := newWorld()
		w.options.CallbackSecret = ""
		wantProblem(t, mirrored(w, asWeChat(CallbackToken("", "wx01", ""), now), receiptXML("oA1", "success")), 403, codeBadSignature, "")
	})
	t.Run("with a key that may only read", func(t *testing.T) {
		r := request("POST", receiptsPath+"?appid=wx01", asXML, receiptXML("oA1", "success"))
		r.Header.Set("Authorization", "Bearer "+readKey)
		wantProblem(t, newWorld().serve(r), 403, codeReadOnly, "")
	})
	t.Run("elsewhere", func(t *testing.T) {
		r := request("POST", "/v1/heartbeat?"+asWeChat(right, now).Encode(), asXML, "")
		r.Header.Del("Authorization")
		wantProblem(t, newWorld().serve(r), 401, codeUnauthorized, "")
	})
}

// The host derives the token in PHP; this is what it comes to there.
func TestCallbackToken(t *testing.T) {
	for version, want := range map[string]string{"": "8e3fd017bd3c1de77c56e8e0d4883473", "2": "b38aba015c783401615daf5c3c2a2adf"} {
		if got := CallbackToken("0123456789abcdef0123456789abcdef", "wx01", version); got != want {
			t.Errorf("token %s of version %q, want %s", got, version, want)
		}
	}
}

// What can't be taken is not answered as if it was: WeChat comes again.
func TestServer_ReceiptsFull(t *testing.T) {
	w := newWorld()
	w.options.Receipts = func(pushd.Reported) bool { return false }
	rec := w.serve(request("POST", receiptsPath+"?appid=wx01", asXML, receiptXML("oA1", "success")))
	wantProblem(t, rec, 503, pushd.CodeUnavailable, "")
}

// Each result is counted.
func TestServer_ReceiptPosts(t *testing.T) {
	w := newWorld()
	s := New(w.options)
	for _, body := range []string{receiptXML("oA1", "success"), receiptXML("oA1", "success"), "x", "<Encrypt>", receiptXML("", "success")} {
		record(s, request("POST", receiptsPath+"?appid=wx01", asXML, body))
	}
	record(s, request("POST", receiptsPath+"?appid=wx01&signature=x", asXML, ""))
	text := record(s, request("GET", metricsPath, "", "")).Body.String()
	for result, n := range map[string]int{receiptTaken: 2, receiptIgnored: 1, receiptEncrypted: 1, receiptMalformed: 1, receiptForged: 1, receiptFull: 0} {
		if want := fmt.Sprintf("\npushd_receipt_posts_total{result=%q} %d\n", result, n); !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

// The list of recipients chooses by receipt, and shows it.
func TestServer_RecipientsByReceipt(t *testing.T) {
	w := newWorld()
	w.jobs.FailuresFunc = everyReceipt
	for query, want := range map[string]string{
		"receipt=blocked":                "oBlocked",
		"receipt=undelivered":            "oFreq oSystem oOther",
		"receipt=delivered,freq_limit":   "oDelivered oFreq",
		"receipt=none":                   "oNone",
		"":                               "oNone oDelivered oBlocked oFreq oSystem oOther",
		"receipt=undelivered&format=csv": "oFreq oSystem oOther",
	} {
		var got []string
		for line := range strings.Lines(w.get("/v1/jobs/" + theJob + "/recipients?" + query).Body.String()) {
			if _, rest, ok := strings.Cut(line, `"openid":"`); ok {
				id, _, _ := strings.Cut(rest, `"`)
				got = append(got, id)
			} else if strings.HasPrefix(line, "o") && strings.Contains(query, "csv") {
				id, _, _ := strings.Cut(line, ",")
				got = append(got, id)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	text := w.get("/v1/jobs/" + theJob + "/recipients?receipt=blocked&format=csv").Body.String()
	if want := "\ufeffopenid,outcome,error,page,messageVersion,receipt\r\noBlocked,sent,,1,,blocked\r\n"; text != want {
		t.Errorf("CSV %q, want %q", text, want)
	}
	if text := w.get("/v1/jobs/" + theJob + "/recipients?receipt=blocked").Body.String(); !strings.Contains(text, `"receipt":"blocked"`) {
		t.Errorf("NDJSON %s", text)
	}
}

func TestServer_JobReceipts(t *testing.T) {
	w := newWorld()
	w.jobs.receipts = map[pushd.JobID]pushd.ReceiptCounts{theJob: {Delivered: 7, Blocked: 2, FreqLimit: 1, Other: 3}}
	const want = `"receipts":{"delivered":7,"blocked":2,"undelivered":4,"undeliveredBy":{"freq_limit":1,"other":3}}`
	for _, path := range []string{"/v1/jobs/" + theJob, "/v1/jobs"} {
		if text := w.get(path).Body.String(); !strings.Contains(text, want) {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// What became of receipts is in the metrics; a process that takes none has none.
func TestServer_ReceiptMetrics(t *testing.T) {
	w := newWorld()
	w.options.ReceiptStats = func() pushd.ReceiptStats {
		return pushd.ReceiptStats{Saved: map[pushd.Receipt]uint64{pushd.ReceiptBlocked: 2}, Repeated: 3, Unmatched: 4, Renewed: 8, Refused: 5, Lost: 6, Waiting: 7}
	}
	text := w.get(metricsPath).Body.String()
	for _, want := range []string{
		`pushd_receipts_total{status="blocked"} 2`, `pushd_receipts_total{status="delivered"} 0`, `pushd_receipts_waiting 7`,
		`pushd_receipts_uncounted_total{why="repeated"} 3`, `pushd_receipts_uncounted_total{why="unmatched"} 4`,
		`pushd_receipts_uncounted_total{why="renewed"} 8`,
		`pushd_receipts_uncounted_total{why="refused"} 5`, `pushd_receipts_uncounted_total{why="lost"} 6`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if text := newWorld().get(metricsPath).Body.String(); strings.Contains(text, "pushd_receipts_total") {
		t.Error("receipts are counted where none are taken")
	}
}

// Whatever is posted: no panic, and what is taken is whole.
func FuzzParseReceipt(f *testing.F) {
	f.Add(receiptXML("oA1", "failed:user block"))
	f.Add("<xml><Event>TEMPLATESENDJOBFINISH</Event><Encrypt>x</Encrypt></xml>")
	f.Add("<?xml version=\"1.0\" encoding=\"GBK\"?><!DOCTYPE xml [<!ENTITY a \"b\">]><xml><FromUserName>&a;</FromUserName></xml>")
	f.Fuzz(func(t *testing.T, body string) {
		r, result, err := parseReceipt("wx01", []byte(body))
		whole := r.AppID == "wx01" && openIDPattern.MatchString(string(r.OpenID)) && r.At > 0 && r.At < 1e17 && r.Receipt != pushd.NoReceipt
		if (result == receiptTaken) != (err == nil && whole) {
			t.Errorf("%s, %v: %+v", result, err, r)
		}
	})
}
