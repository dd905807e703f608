package wechatsim

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// reply is what an endpoint answers: the body, or else a code.
type reply struct {
	code  int
	text  string // instead of the code's usual text
	body  []byte
	plain string // content type of the body if it is not WeChat's JSON
	http  int    // status if it is not 200
}

// jsonType is how WeChat declares its answers; it says encoding, not charset.
var jsonType = []string{"application/json; encoding=utf-8"}

// write sends a reply as WeChat does: always 200, the code in the body.
func (rep reply) write(w http.ResponseWriter, now time.Time, key uint64) {
	if rep.body == nil {
		rep.body = appendCode(nil, rep.code, rep.text, now, key)
	}
	if rep.plain != "" {
		w.Header().Set("Content-Type", rep.plain)
	} else {
		w.Header()["Content-Type"] = jsonType
	}
	if rep.http != 0 {
		w.WriteHeader(rep.http)
	}
	w.Write(rep.body)
}

// appendCode appends {"errcode":…,"errmsg":"… rid: …"}; key makes the rid.
func appendCode(dst []byte, code int, text string, now time.Time, key uint64) []byte {
	if text == "" {
		text = codeText(code)
	}
	dst = append(dst, `{"errcode":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"errmsg":`...)
	if code == 0 {
		return append(dst, `"ok"}`...)
	}
	h := mix(key, uint64(now.UnixNano()))
	text = fmt.Sprintf("%s rid: %08x-%08x-%08x", text, uint32(now.Unix()), uint32(h>>32), uint32(h))
	dst = strconv.AppendQuote(dst, text)
	return append(dst, '}')
}

// codeText is WeChat's errmsg for a code, as it was seen on the wire.
func codeText(code int) string {
	switch code {
	case 0:
		return "ok"
	case -1:
		return "system error"
	case 40001:
		return "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"
	case 40002:
		return "invalid grant_type"
	case 40003:
		return "invalid openid"
	case 40013:
		return "invalid appid"
	case 40014:
		return "invalid access_token"
	case 40033:
		return "invalid charset"
	case 40037:
		return "invalid template_id"
	case 40039:
		return "invalid url size"
	case 40125:
		return "invalid appsecret"
	case 40164:
		return "invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in whitelist"
	case 40241:
		return "The message is duplicate in 60 seconds"
	case 40249:
		return "this template msg has been blocked for illegal content"
	case 41001:
		return "access_token missing"
	case 42001:
		return "access_token expired"
	case 43002:
		return "require POST method"
	case 43004:
		return "require subscribe"
	case 43019:
		return "require remove blacklist"
	case 43101:
		return "user refuse to accept the msg"
	case 43116:
		return "This template_id is banned"
	case 43117:
		return "Sending messages to this openid too frequently,please try later"
	case 44002:
		return "empty post data"
	case 45009:
		return "reach max api daily quota limit"
	case 45011:
		return "api minute-quota reach limit, must slower, retry next minute"
	case 45159:
		return "invalid tag id"
	case 47001:
		return "data format error"
	case 47003:
		return "argument invalid!"
	case 48001:
		return "api unauthorized"
	case 48006:
		return "forbid to clear quota because of reaching the limit"
	case 50002:
		return "user limited"
	case 76021:
		return "cgi_path not found"
	case 268487001, 268487002:
		return "system busy, please try again later"
	}
	return "error " + strconv.Itoa(code)
}

// misbehave answers a request as the fault says; good is what the answer
// would have been.
func (s *Sim) misbehave(w http.ResponseWriter, r *http.Request, f *rule, good []byte, now time.Time, key uint64) {
	switch f.Action {
	case ActDrop:
		cut(w, false)
	case ActReset:
		cut(w, true)
	case ActHang:
		select {
		case <-f.cleared:
		case <-s.life.Done():
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case ActHalf:
		half(w, good)
	case ActEmpty:
		w.Header()["Content-Type"] = jsonType
	case ActHTML:
		status := f.Status
		if status == 0 {
			status = http.StatusBadGateway
		}
		page := fmt.Sprintf("<html><head><title>%d</title></head><body><h1>%[1]d %s</h1></body></html>", status, http.StatusText(status))
		reply{body: []byte(page), plain: "text/html", http: status}.write(w, now, key)
	case ActNotJSON:
		body := f.Body
		if body == "" {
			body = "Service is temporarily unavailable"
		}
		reply{body: []byte(body), http: f.Status}.write(w, now, key)
	case ActPHPError:
		body := fmt.Appendf(nil, `{"code":%d,"msg":%q}`, max(1, f.Code), f.Body)
		reply{body: body, http: f.Status}.write(w, now, key)
	default:
		reply{code: f.Code, text: f.Body}.write(w, now, key)
	}
}

// half writes the first half of an answer and closes the connection.
func half(w http.ResponseWriter, good []byte) {
	w.Header()["Content-Type"] = jsonType
	w.Header().Set("Content-Length", strconv.Itoa(len(good)))
	w.Write(good[:len(good)/2])
	http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// cut closes the connection without an answer, by RST if hard.
func cut(w http.ResponseWriter, hard bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		raw = t.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok && hard {
		tcp.SetLinger(0)
		tcp.Close()
		return
	}
	conn.Close()
}
