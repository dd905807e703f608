package api

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pushd"
)

// receiptsPath is where receipts are posted, thousands a second.
const receiptsPath = "/v1/receipts"

// jobFinish is the event of WeChat's that is a receipt.
const jobFinish = "TEMPLATESENDJOBFINISH"

// byWeChat is who acts where WeChat's signature takes the place of a key.
const byWeChat pushd.Actor = "wechat"

// What comes of a POST of a receipt.
const (
	receiptTaken     = "taken"
	receiptIgnored   = "ignored" // another event
	receiptForged    = "bad_signature"
	receiptMalformed = "malformed"
	receiptEncrypted = "encrypted"
	receiptFull      = "full"
)

// receiptResults lists them.
var receiptResults = []string{receiptTaken, receiptIgnored, receiptForged, receiptMalformed, receiptEncrypted, receiptFull}

// receipts is POST /v1/receipts: an event as WeChat posts it to the host's callback.
// It is answered at once, whatever the database does.
func (s *Server) receipts(c echo.Context) error {
	r, result, err := s.readReceipt(c)
	if err == nil && result == receiptTaken && !s.Receipts(r) {
		result, err = receiptFull, problem(pushd.CodeUnavailable, "too many receipts wait for the database")
	}
	s.metrics.receipts.WithLabelValues(result).Inc()
	if err != nil {
		return err
	}
	return c.String(http.StatusOK, "success") // WeChat wants this word, or nothing
}

// readReceipt reads the receipt of a request; result says what it is.
func (s *Server) readReceipt(c echo.Context) (r pushd.Reported, result string, err error) {
	q := c.QueryParams()
	appID := q.Get("appid")
	if !appIDPattern.MatchString(appID) {
		return r, receiptMalformed, invalid("appid", "is required: the account whose event it is")
	}
	if p := s.wrongSignature(appID, q); p != nil {
		return r, receiptForged, p
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, c.Request().Body, maxBody))
	if err != nil {
		return r, receiptMalformed, unread(err, "a receipt of WeChat's has less than 1 KiB; it is posted as it came, one at a time")
	}
	if !bytes.Contains(body, []byte(jobFinish)) {
		if bytes.Contains(body, []byte("<Encrypt>")) {
			return r, receiptEncrypted, problem(codeReceiptEncrypted, "the event is encrypted, and pushd has no account's EncodingAESKey: let PHP decrypt it and post the XML with a key, or choose the plain or the compatible mode in WeChat's console")
		}
		return r, receiptIgnored, nil
	}
	r, result, err = parseReceipt(pushd.AppID(appID), body)
	if signed(q) {
		r.Signed = true
		r.Version, _ = strconv.Atoi(q.Get("v")) // the signature has been checked with it; none is 0
	}
	return r, result, err
}

// event is what is read of an event of WeChat's. MsgID is not: see
// docs/decisions/receipts.md.
type event struct {
	From    string `xml:"FromUserName"`
	Created string `xml:"CreateTime"`
	Event   string `xml:"Event"`
	Status  string `xml:"Status"`
}

// appIDPattern is that of an account.
var appIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// eventTime is a unix time.
var eventTime = regexp.MustCompile(`^[1-9][0-9]{0,10}$`)

func parseReceipt(app pushd.AppID, body []byte) (r pushd.Reported, result string, err error) {
	var e event
	if err := xml.Unmarshal(body, &e); err != nil {
		return r, receiptMalformed, problem(codeMalformed, "the body is not an event of WeChat's in XML")
	}
	if strings.TrimSpace(e.Event) != jobFinish {
		return r, receiptIgnored, nil
	}
	openID, created := strings.TrimSpace(e.From), strings.TrimSpace(e.Created)
	switch {
	case !openIDPattern.MatchString(openID):
		return r, receiptMalformed, invalid("FromUserName", "is not an openid")
	case !eventTime.MatchString(created):
		return r, receiptMalformed, invalid("CreateTime", "is not a time in unix seconds")
	case strings.TrimSpace(e.Status) == "":
		return r, receiptMalformed, invalid("Status", "is required")
	}
	seconds, _ := strconv.ParseInt(created, 10, 64) // the pattern has made sure
	// The account is cloned: it would keep the whole query in memory.
	return pushd.Reported{AppID: pushd.AppID(strings.Clone(string(app))), OpenID: pushd.OpenID(openID), At: pushd.Time(seconds * 1e6), Receipt: pushd.ParseReceipt(e.Status)}, receiptTaken, nil
}

// signatureFor is how far the time of a signature may be away from now.
const signatureFor = 5 * time.Minute

// signed says that the request claims to be WeChat's own.
func signed(q url.Values) bool { return q.Has("signature") }

// wrongSignature checks WeChat's signature where there is one: the SHA-1 of the
// callback's token, a time and a nonce, in alphabetical order. nil = it is right,
// or a key has opened the door.
// Source: https://developers.weixin.qq.com/doc/service/guide/dev/push/
func (s *Server) wrongSignature(appID string, q url.Values) *pushd.Problem {
	if !signed(q) {
		return nil
	}
	secret := *s.secret.Load()
	if secret == "" {
		return problem(codeBadSignature, "WeChat's signature can't be checked: set PUSHD_CALLBACK_SECRET, or post with a key and without the signature")
	}
	stamp, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
	if away := time.Since(time.Unix(stamp, 0)); err != nil || away.Abs() > signatureFor {
		return problem(codeBadSignature, "the time of WeChat's signature is more than five minutes away")
	}
	version := q.Get("v")
	if version != "" && !tokenVersion.MatchString(version) {
		return problem(codeBadSignature, "v is not the version of a callback's token")
	}
	parts := []string{CallbackToken(secret, appID, version), q.Get("timestamp"), q.Get("nonce")}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(q.Get("signature"))) != 1 {
		return problem(codeBadSignature, "WeChat's signature is wrong: is PUSHD_CALLBACK_SECRET the callback_secret of the host?")
	}
	return nil
}

// SetCallbackSecret puts another secret in place of the one by which signatures are
// checked.
func (s *Server) SetCallbackSecret(secret string) { s.secret.Store(&secret) }

// tokenVersion is which token of an account's callback it is, after the first.
var tokenVersion = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

// CallbackToken is the token of an account's callback, as deploy/php/host derives
// it too. Its version is "" until the account's token is renewed.
func CallbackToken(secret, appID, version string) string {
	text := "callback\n" + appID
	if version != "" {
		text += "\n" + version
	}
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(h, text) // never fails
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// Receipted reads what WeChat says of accepted messages.
type Receipted interface {
	// ReceiptSums reads the sums of some jobs' receipts; a job without any is left
	// out.
	ReceiptSums(ctx context.Context, ids []pushd.JobID) (map[pushd.JobID]pushd.ReceiptCounts, error)
}

// receiptsDoc is what WeChat says of a job's accepted messages.
type receiptsDoc struct {
	Delivered   int64            `json:"delivered"`
	Blocked     int64            `json:"blocked"`
	Undelivered int64            `json:"undelivered"`
	Statuses    map[string]int64 `json:"undeliveredBy"`
}

// receiptSums describes the receipts of some jobs. They are left out if the
// database does not answer: everything else stands all the same.
func (s *Server) receiptSums(ctx context.Context, docs []jobDoc) {
	ids := make([]pushd.JobID, len(docs))
	for i := range docs {
		ids[i] = docs[i].ID
	}
	sums, err := s.Jobs.ReceiptSums(ctx, ids)
	if err != nil {
		s.Logger.Warn("receipts not known", "error", err)
		return
	}
	for i := range docs {
		sum := sums[docs[i].ID]
		docs[i].Receipts = &receiptsDoc{sum.Delivered, sum.Blocked, sum.Undelivered(), map[string]int64{}}
		for _, r := range pushd.AllReceipts {
			if n := sum.Of(r); r.Undelivered() && n > 0 {
				docs[i].Receipts.Statuses[r.String()] = n
			}
		}
	}
}

// What a list of recipients can be asked for beside the receipts' names.
const (
	undelivered = "undelivered"
	noReceipt   = "none"
)

// withReceipt reads by which receipts a list chooses; nil is by none.
func withReceipt(f *fields) func(pushd.Failure) bool {
	all := []string{undelivered, noReceipt}
	for _, r := range pushd.AllReceipts {
		all = append(all, r.String())
	}
	chosen := words(f, "receipt", all)
	if chosen == nil {
		return nil
	}
	return func(p pushd.Failure) bool {
		name := p.Receipt.String()
		if name == "" {
			name = noReceipt
		}
		return slices.Contains(chosen, name) || p.Receipt.Undelivered() && slices.Contains(chosen, undelivered)
	}
}
