package alarm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pushd"
)

// taken is what a receiver got.
type taken struct {
	query, path string
	header      http.Header
	body        string
}

// receiver answers as it is told, and keeps what came.
func receiver(t *testing.T, status int, answer string) (address string, got *taken) {
	t.Helper()
	got = &taken{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = taken{r.URL.RawQuery, r.URL.Path, r.Header, string(b)}
		if status/100 == 3 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func some(n int, text string) (alarms []pushd.Alarm) {
	for i := range n {
		alarms = append(alarms, pushd.Alarm{Key: fmt.Sprintf("ended_badly/j%d/1", i), Kind: pushd.AlarmEndedBadly, Job: "j0", ActID: 42, AppID: "wx1",
			State: pushd.Failed, Reason: pushd.WeChatRefused, Text: text, At: 1_772_366_400_000_000, Tries: 2})
	}
	return alarms
}

func mac(key, text string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A program gets each fact by its name, and can tell who has sent it and when.
func TestHook_JSON(t *testing.T) {
	address, got := receiver(t, 204, "")
	h := Hook{URL: address + "/alarms?x=1", Secret: "the secret", Format: JSON, Instance: "a"}
	n, err := h.post(t.Context(), newClient(), some(2, "it <failed>"), noon)
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}
	const alarm = `{"key":"ended_badly/j%d/1","kind":"ended_badly","jobId":"j0","actid":42,"appid":"wx1","state":"failed","reason":"wechat_refused","text":"it <failed>","raisedAt":"2026-03-01T12:00:00Z","tries":2}`
	if want := `{"sentAt":"2026-03-01T12:00:00Z","instance":"a","alarms":[` + fmt.Sprintf(alarm, 0) + "," + fmt.Sprintf(alarm, 1) + "]}\n"; got.body != want {
		t.Errorf("got\n%s\nwant\n%s", got.body, want)
	}
	stamp := got.header.Get(TimestampHeader)
	if want := "sha256=" + hex.EncodeToString(mac("the secret", stamp+"."+got.body)); got.header.Get(SignatureHeader) != want || stamp != "1772366400" {
		t.Errorf("signed %q at %q, want %q", got.header.Get(SignatureHeader), stamp, want)
	}
	h.Secret = ""
	if _, err := h.post(t.Context(), newClient(), some(1, "x"), noon); err != nil || got.header.Get(SignatureHeader) != "" {
		t.Errorf("without a secret: %v, %v", got.header, err)
	}
}

// What an owner or another server has written makes no link, no picture and no call to
// everyone in the operators' chat. Programs get it as it is.
func TestHook_NoMarkup(t *testing.T) {
	const text = `field number2 would be "[点击恢复](http://evil.example/)" ![x](http://evil.example/p.png) <@all> <at user_id="all">所有人</at>` + "\u202e"
	for format, bare := range map[Format]bool{WeCom: true, DingTalk: true, Feishu: true, JSON: false} {
		_, body, _, err := Hook{Format: format, URL: "https://chat.example/"}.message(some(1, text), noon)
		if err != nil {
			t.Fatal(err)
		}
		said := string(body)
		if got := !strings.Contains(said, "](http") && !strings.Contains(said, "<") && !strings.Contains(said, "\u202e"); got != bare || !strings.Contains(said, "点击恢复") {
			t.Errorf("%s: %s", format, said)
		}
	}
}

// Each robot gets the message that its documentation describes, signed its way.
func TestHook_Chats(t *testing.T) {
	text := "pushd: 2 alarms\n\n- **任务异常结束 (ended_badly)** it failed\n- **任务异常结束 (ended_badly)** it failed"
	read := func(body string) (m map[string]any) {
		t.Helper()
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	post := func(h Hook, answer string) *taken {
		t.Helper()
		address, got := receiver(t, 200, answer)
		h.URL = address + "/robot/send?access_token=tok"
		if n, err := h.post(t.Context(), newClient(), some(2, "it\nfailed"), noon); err != nil || n != 2 {
			t.Fatal(n, err)
		}
		return got
	}
	got := post(Hook{Format: WeCom}, `{"errcode":0,"errmsg":"ok"}`)
	if m := read(got.body); m["msgtype"] != "markdown" || m["markdown"].(map[string]any)["content"] != text {
		t.Errorf("wecom: %s", got.body)
	}
	got = post(Hook{Format: DingTalk, Secret: "SEC1"}, `{"errcode":0,"errmsg":"ok"}`)
	if m := read(got.body)["markdown"].(map[string]any); m["title"] != "pushd: 2 alarms" || m["text"] != text {
		t.Errorf("dingtalk: %s", got.body)
	}
	r := httptest.NewRequest("GET", "/?"+got.query, nil).URL.Query()
	if want := base64.StdEncoding.EncodeToString(mac("SEC1", "1772366400000\nSEC1")); r.Get("sign") != want || r.Get("timestamp") != "1772366400000" || r.Get("access_token") != "tok" {
		t.Errorf("dingtalk: %s, want the signature %s", got.query, want)
	}
	got = post(Hook{Format: Feishu, Secret: "sec2"}, `{"code":0,"msg":"success","data":{}}`)
	m := read(got.body)
	if want := base64.StdEncoding.EncodeToString(mac("1772366400\nsec2", "")); m["msg_type"] != "text" || m["content"].(map[string]any)["text"] != text || m["timestamp"] != "1772366400" || m["sign"] != want {
		t.Errorf("feishu: %s, want the signature %s", got.body, want)
	}
	if got = post(Hook{Format: Feishu}, `{"code":0}`); strings.Contains(got.body, "sign") {
		t.Errorf("feishu without a secret: %s", got.body)
	}
}

// What is refused is an error that says why, and shows no secret.
func TestHook_Refused(t *testing.T) {
	for name, c := range map[string]struct {
		format Format
		status int
		answer string
		want   string
	}{
		"status":         {JSON, 500, "no room", "HTTP 500 no room"},
		"redirect":       {JSON, 302, "", "HTTP 302"},
		"wecom's code":   {WeCom, 200, `{"errcode":45009,"errmsg":"api freq out of limit"}`, "45009 api freq out of limit"},
		"dingtalk's":     {DingTalk, 200, `{"errcode":310000,"errmsg":"sign not match"}`, "310000 sign not match"},
		"feishu's":       {Feishu, 200, `{"code":19021,"msg":"sign match fail"}`, "19021 sign match fail"},
		"another's":      {Feishu, 200, `{"errcode":0}`, "no code"},
		"no JSON":        {WeCom, 200, `<html>`, "not JSON"},
		"no JSON at all": {DingTalk, 404, ``, "HTTP 404"},
	} {
		address, _ := receiver(t, c.status, c.answer)
		_, err := Hook{URL: address + "/marked-secret", Secret: "marked-secret", Format: c.format}.post(t.Context(), newClient(), some(1, "x"), noon)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "marked-secret") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for _, address := range []string{"http://127.0.0.1:1/marked-secret", "http://127.0.0.1:1/%zz?marked-secret", "http://127.0.0.1:1:1/marked-secret", "ftp://127.0.0.1/marked-secret"} {
		_, err := Hook{URL: address, Format: DingTalk, Secret: "marked-secret"}.post(t.Context(), newClient(), some(1, "x"), noon)
		if err == nil || strings.Contains(err.Error(), "marked-secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A chat takes so many bytes: what has no room waits for the next message, and at
// least one goes.
func TestWords_Fit(t *testing.T) {
	for _, c := range []struct {
		alarms []pushd.Alarm
		most   int
		shown  int
	}{
		{some(3, "short"), 4096, 3},
		{some(20, strings.Repeat("长", 300)), 4096, 4},
		{some(20, strings.Repeat("长", 3000)), 4096, 3},
		{some(2, strings.Repeat("长", 3000)), 100, 1},
	} {
		text, shown := words(c.alarms, c.most)
		if shown != c.shown || shown > 1 && len(text) > c.most || !utf8.ValidString(text) || strings.Count(text, "\n- ") != shown {
			t.Errorf("%d of %d shown in %d bytes, want %d in %d", shown, len(c.alarms), len(text), c.shown, c.most)
		}
	}
}
