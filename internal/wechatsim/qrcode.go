package wechatsim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// qrCodes are the QR codes that were made, by ticket.
type qrCodes struct {
	mu  sync.Mutex
	all map[string]qrCode
}

type qrCode struct {
	account *Account
	scene   string
	expires time.Time // zero: never
}

// qrCall answers POST qrcode/create.
func (s *Sim) qrCall(c *call) reply {
	var in struct {
		Expire int    `json:"expire_seconds"`
		Action string `json:"action_name"`
		Info   struct {
			Scene struct {
				ID  int    `json:"scene_id"`
				Str string `json:"scene_str"`
			} `json:"scene"`
		} `json:"action_info"`
	}
	if json.Unmarshal(c.body, &in) != nil {
		return reply{code: 47001}
	}
	code := qrCode{account: c.account, scene: in.Info.Scene.Str}
	switch in.Action {
	case "QR_SCENE", "QR_LIMIT_SCENE":
		code.scene = strconv.Itoa(in.Info.Scene.ID)
	case "QR_STR_SCENE", "QR_LIMIT_STR_SCENE":
		if len(code.scene) > 64 {
			return reply{code: 40035, text: "invalid parameter"}
		}
	default:
		return reply{code: 40035, text: "invalid action_name"}
	}
	if code.scene == "" {
		code.scene = "0" // what a forgotten scene becomes
	}
	if in.Action == "QR_SCENE" || in.Action == "QR_STR_SCENE" {
		if in.Expire <= 0 {
			in.Expire = 60
		}
		in.Expire = min(in.Expire, 30*24*3600)
		code.expires = c.now.Add(time.Duration(in.Expire) * time.Second)
	}
	ticket := s.qr.add(code, mix(c.account.key, s.serial.Add(1), 18))
	return reply{body: fmt.Appendf(nil, `{"ticket":"%s","expire_seconds":%d,"url":"http://weixin.qq.com/q/%s"}`,
		ticket, in.Expire, ticket[:24])}
}

func (q *qrCodes) add(code qrCode, key uint64) string {
	ticket := []byte("gQ")
	for n := uint64(0); len(ticket) < 94; n++ {
		ticket = letters(ticket, mix(key, n), min(8, 94-len(ticket)))
	}
	ticket = append(ticket, "=="...)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all == nil {
		q.all = make(map[string]qrCode)
	}
	q.all[string(ticket)] = code
	return string(ticket)
}

// QRScene is the scene of a QR code that was made and has not run out, and how
// long it still lives; 0 is for ever.
func (s *Sim) QRScene(ticket string) (scene string, life time.Duration, ok bool) {
	now := s.Now()
	code, ok := s.qr.find(ticket, now)
	if ok && !code.expires.IsZero() {
		life = code.expires.Sub(now)
	}
	return code.scene, life, ok
}

// QRCode is a QR code of an account.
type QRCode struct{ Ticket, Scene string }

// QRCodes lists the account's QR codes that have not run out, by scene.
func (a *Account) QRCodes() []QRCode {
	now, q := a.now(), &a.sim.qr
	q.mu.Lock()
	defer q.mu.Unlock()
	var list []QRCode
	for ticket, code := range q.all {
		if code.account == a && (code.expires.IsZero() || now.Before(code.expires)) {
			list = append(list, QRCode{ticket, code.scene})
		}
	}
	slices.SortFunc(list, func(x, y QRCode) int {
		return cmp.Or(strings.Compare(x.Scene, y.Scene), strings.Compare(x.Ticket, y.Ticket))
	})
	return list
}

// find returns the code of a ticket that has not run out.
func (q *qrCodes) find(ticket string, now time.Time) (qrCode, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	code, ok := q.all[ticket]
	return code, ok && (code.expires.IsZero() || now.Before(code.expires))
}

// serveQR answers GET showqrcode with a picture, or 404.
func (s *Sim) serveQR(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	if _, ok := s.qr.find(ticket, s.Now()); !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpg")
	w.Write(picture(number(ticket)))
}

// picture draws something that looks like a QR code and is none.
func picture(key uint64) []byte {
	const cells, size = 29, 10
	img := image.NewGray(image.Rect(0, 0, (cells+4)*size, (cells+4)*size))
	for y := range img.Rect.Max.Y {
		for x := range img.Rect.Max.X {
			cx, cy := x/size-2, y/size-2
			inside := cx >= 0 && cy >= 0 && cx < cells && cy < cells
			if !inside || !dark(cx, cy, cells, key) {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		return nil
	}
	return out.Bytes()
}

// dark says whether a cell is black: the three corners as in a QR code, the
// rest by chance.
func dark(x, y, cells int, key uint64) bool {
	for _, corner := range [3][2]int{{0, 0}, {cells - 7, 0}, {0, cells - 7}} {
		dx, dy := x-corner[0], y-corner[1]
		if dx >= -1 && dy >= -1 && dx <= 7 && dy <= 7 {
			ring := max(max(dx-3, 3-dx), max(dy-3, 3-dy))
			return ring == 3 || ring <= 1
		}
	}
	return mix(key, uint64(x), uint64(y))&1 == 1
}

// blockedCall answers POST queryblocktmplmsg: nothing is blocked. The real
// answer holds an array when it is empty and an object when it is not.
func (s *Sim) blockedCall(*call) reply {
	return reply{body: []byte(`{"msginfo":[],"errcode":0,"errmsg":"ok"}`)}
}
