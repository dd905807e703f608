package alarm

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pushd"
	"pushd/internal/textline"
)

// Format is whose messages a webhook takes.
type Format string

// The formats of PUSHD_WEBHOOK_FORMAT.
const (
	JSON     Format = "json"     // for programs
	WeCom    Format = "wecom"    // 企业微信 group robot
	DingTalk Format = "dingtalk" // 钉钉 custom robot
	Feishu   Format = "feishu"   // 飞书 custom robot
)

// Hook is a webhook: where messages go, and in which form.
type Hook struct {
	URL      string // holds a secret and is never shown
	Secret   string // signs; "" = nothing is signed
	Format   Format
	Instance string // of the process that sends
}

// The headers by which a receiver of JSON knows the sender: the signature is
// "sha256=" and the hex HMAC-SHA256 of the timestamp, a dot and the body.
const (
	TimestampHeader = "X-Pushd-Timestamp" // unix seconds
	SignatureHeader = "X-Pushd-Signature"
)

// answerMax is how much of an answer is read.
const answerMax = 64 << 10

func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends the first of the alarms, as many as one message has room for, and
// says how many that were. Its errors do not show the URL.
func (h Hook) post(ctx context.Context, client *http.Client, alarms []pushd.Alarm, now time.Time) (int, error) {
	address, body, n, err := h.message(alarms, now)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("webhook: its URL can't be used")
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "pushd")
	if h.Format == JSON && h.Secret != "" {
		stamp := strconv.FormatInt(now.Unix(), 10)
		r.Header.Set(TimestampHeader, stamp)
		r.Header.Set(SignatureHeader, "sha256="+hex.EncodeToString(sum(h.Secret, stamp+"."+string(body))))
	}
	answer, err := client.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL
		}
		return 0, fmt.Errorf("webhook: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerMax))
	if err != nil {
		return 0, fmt.Errorf("webhook: read the answer: %w", err)
	}
	if err := h.accepted(answer.StatusCode, text); err != nil {
		return 0, err
	}
	return n, nil
}

// accepted judges an answer. The chats answer 200 also to what they refuse.
func (h Hook) accepted(status int, text []byte) error {
	if status/100 != 2 {
		return fmt.Errorf("webhook: HTTP %d %s", status, clip(string(text), 200))
	}
	if h.Format == JSON {
		return nil
	}
	var said struct {
		ErrCode *int   `json:"errcode"` // 企业微信, 钉钉
		ErrMsg  string `json:"errmsg"`
		Code    *int   `json:"code"` // 飞书
		Msg     string `json:"msg"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return fmt.Errorf("webhook: its answer is not JSON: %s", clip(string(text), 200))
	}
	code, words := said.ErrCode, said.ErrMsg
	if h.Format == Feishu {
		code, words = said.Code, said.Msg
	}
	switch {
	case code == nil:
		return fmt.Errorf("webhook: its answer has no code: %s", clip(string(text), 200))
	case *code != 0:
		return fmt.Errorf("webhook: %d %s", *code, clip(words, 200))
	}
	return nil
}

// message makes the address and the body of a message.
func (h Hook) message(alarms []pushd.Alarm, now time.Time) (address string, body []byte, n int, err error) {
	address, n = h.URL, len(alarms)
	var doc any
	switch h.Format {
	case WeCom:
		text, shown := words(alarms, 4096)
		doc, n = map[string]any{"msgtype": "markdown", "markdown": map[string]string{"content": text}}, shown
	case DingTalk:
		text, shown := words(alarms, 16000)
		doc, n = map[string]any{"msgtype": "markdown", "markdown": map[string]string{"title": title(shown), "text": text}}, shown
		if h.Secret != "" {
			address, err = dingTalkSigned(h.URL, h.Secret, now)
		}
	case Feishu:
		text, shown := words(alarms, 16000)
		m := map[string]any{"msg_type": "text", "content": map[string]string{"text": text}}
		if h.Secret != "" {
			stamp := strconv.FormatInt(now.Unix(), 10)
			m["timestamp"], m["sign"] = stamp, base64.StdEncoding.EncodeToString(sum(stamp+"\n"+h.Secret, ""))
		}
		doc, n = m, shown
	default:
		doc = document(h.Instance, alarms, now)
	}
	if err != nil {
		return "", nil, 0, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(doc)
	return address, b.Bytes(), n, err
}

// alarmDoc is an alarm for programs.
type alarmDoc struct {
	pushd.Alarm
	RaisedAt *time.Time `json:"raisedAt,omitempty"`
	Tries    int        `json:"tries,omitempty"`
}

// document is a message for programs.
func document(instance string, alarms []pushd.Alarm, now time.Time) any {
	docs := make([]alarmDoc, len(alarms))
	for i, a := range alarms {
		docs[i] = alarmDoc{Alarm: a, Tries: a.Tries}
		if a.At != 0 {
			at := a.At.Std()
			docs[i].RaisedAt = &at
		}
	}
	return struct {
		SentAt   time.Time  `json:"sentAt"`
		Instance string     `json:"instance"`
		Alarms   []alarmDoc `json:"alarms"`
	}{now.UTC().Truncate(time.Second), instance, docs}
}

// dingTalkSigned adds the time and the signature to a robot's address, as 钉钉
// wants it: https://open.dingtalk.com/document/robots/customize-robot-security-settings
func dingTalkSigned(address, secret string, now time.Time) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("webhook: its URL can't be used")
	}
	stamp := strconv.FormatInt(now.UnixMilli(), 10)
	q := u.Query()
	q.Set("timestamp", stamp)
	q.Set("sign", base64.StdEncoding.EncodeToString(sum(secret, stamp+"\n"+secret)))
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func sum(key, text string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

// label is the name of a kind as it is shown.
func label(k pushd.AlarmKind) string {
	labels := map[pushd.AlarmKind]string{
		pushd.AlarmEndedBadly: "任务异常结束", pushd.AlarmParked: "任务长时间挂起", pushd.AlarmOnHold: "已扣住，等待人工处理",
		pushd.AlarmDeadlineAtRisk: "可能赶不上截止时间", pushd.AlarmQuotaShort: "公众号配额不足", pushd.AlarmHostSilent: "平台 cron 无心跳",
		pushd.AlarmTest: "测试",
	}
	if l := labels[k]; l != "" {
		return l + " (" + string(k) + ")"
	}
	return string(k)
}

// title is the first line of a message to a chat. Robots of 钉钉 and 飞书 may be set
// to take only messages with a certain word: it is "pushd".
func title(n int) string {
	if n == 1 {
		return "pushd: 1 alarm"
	}
	return fmt.Sprintf("pushd: %d alarms", n)
}

// lineMax is the most characters of one alarm in a chat.
const lineMax = 400

// markup are the characters by which a chat makes a link, a picture or a call to
// everyone of a text, and what looks like them.
var markup = strings.NewReplacer("[", "［", "]", "］", "<", "＜", ">", "＞")

// plain is an alarm's text on one line, in which a chat finds no markup: an owner's
// title may be in it, or what another server has said, and who reads it trusts pushd.
func plain(text string) string { return markup.Replace(textline.Clean(text)) }

// words is a message to a chat of at most so many bytes, with the first alarms,
// at least one, and how many these are.
func words(alarms []pushd.Alarm, most int) (text string, shown int) {
	room := most - len(title(len(alarms))) - 2
	var lines []string
	for _, a := range alarms {
		line := "- **" + label(a.Kind) + "** " + clip(plain(a.Text), lineMax)
		if len(lines) > 0 && len(line)+1 > room {
			break
		}
		room -= len(line) + 1
		lines = append(lines, line)
	}
	return title(len(lines)) + "\n\n" + strings.Join(lines, "\n"), len(lines)
}

// clip cuts a text to so many characters.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}
