package wechatsim

import (
	"encoding/json"
	"net/http"
	"time"
)

// call is a request to one of WeChat's APIs other than send.
type call struct {
	r       *http.Request
	account *Account // nil only for token calls with an unknown appid
	now     time.Time
	body    []byte
}

// route is what answers a path.
type route struct {
	path   Path
	method string
	byApp  bool // names its account by appid, not by token
	serve  func(*call) reply
}

// route returns the route of a URL path other than that of send; false if
// there is none.
func (s *Sim) route(urlPath string) (route, bool) {
	switch urlPath {
	case "/cgi-bin/token":
		return route{PathToken, "GET", true, s.tokenCall}, true
	case "/cgi-bin/stable_token":
		return route{PathStable, "POST", true, s.stableCall}, true
	case "/cgi-bin/user/get":
		return route{PathUserGet, "GET", false, s.followersCall}, true
	case "/cgi-bin/user/info":
		return route{PathUserInfo, "GET", false, s.infoCall}, true
	case "/cgi-bin/user/info/batchget":
		return route{PathUserInfo, "POST", false, s.infosCall}, true
	case "/cgi-bin/tags/get":
		return route{PathTags, "GET", false, s.tagsCall}, true
	case "/cgi-bin/user/tag/get":
		return route{PathTagUsers, "POST", false, s.tagUsersCall}, true
	case "/cgi-bin/template/get_all_private_template":
		return route{PathTemplates, "GET", false, s.templatesCall}, true
	case "/cgi-bin/openapi/quota/get":
		return route{PathQuota, "POST", false, s.quotaCall}, true
	case "/cgi-bin/clear_quota":
		return route{PathClear, "POST", false, s.clearCall}, true
	case "/cgi-bin/qrcode/create":
		return route{PathQRCode, "POST", false, s.qrCall}, true
	case "/wxa/sec/queryblocktmplmsg":
		return route{PathBlocked, "POST", false, s.blockedCall}, true
	}
	return route{}, false
}

// serveCall answers a route: works the answer out at once, takes its time,
// and meets the faults.
func (s *Sim) serveCall(w http.ResponseWriter, r *http.Request, to route) {
	c := &call{r: r, now: s.Now()}
	key := s.serial.Add(1)
	rep := reply{code: 43002}
	var err error
	if c.body, err = readBody(nil, r.Body); err != nil {
		rep.code = 47001
	} else if r.Method == to.method {
		rep.code = c.find(s, to)
	}
	if c.account == nil {
		s.stray.Add(1)
	} else {
		c.account.tallyCall(to.path)
	}
	var appid string
	if c.account != nil {
		appid = c.account.appid
	}
	fault, delay := s.Faults.pick(request{path: to.path, appid: appid, now: c.now})
	if rep.code == 0 && (fault == nil || fault.Accept > 0 || fault.Action == ActHalf) {
		rep = to.serve(c)
	}
	if !s.pause(r.Context(), delay+c.latency(to, key)) {
		panic(http.ErrAbortHandler)
	}
	if fault != nil {
		good := rep.body
		if good == nil {
			good = appendCode(nil, rep.code, rep.text, c.now, key)
		}
		s.misbehave(w, r, fault, good, c.now, key)
		return
	}
	rep.write(w, c.now, key)
}

// find finds the account of a call.
func (c *call) find(s *Sim, to route) (code int) {
	if to.byApp {
		appid := c.r.URL.Query().Get("appid")
		if to.method == http.MethodPost {
			var in struct {
				AppID string `json:"appid"`
			}
			if json.Unmarshal(c.body, &in) != nil {
				return 47001
			}
			appid = in.AppID
		}
		c.account = s.Find(appid)
		return 0
	}
	t, code := s.tokens.check(tokenOf(c.r), c.now)
	if t != nil {
		c.account = t.account
	}
	return code
}

func (c *call) latency(to route, key uint64) time.Duration {
	if c.account == nil {
		return 0
	}
	b := c.account.behaviour.Load()
	u := unit(mix(c.account.key, key, 17))
	if to.path == PathUserGet || to.path == PathTagUsers {
		return b.PageLatency.at(u)
	}
	return b.OtherLatency.at(u)
}

// tallyCall counts a call other than a send.
func (a *Account) tallyCall(path Path) {
	a.counters.change(func(t *Stats) {
		switch path {
		case PathUserGet:
			t.Pages++
		case PathTagUsers:
			t.TagPages++
		case PathToken, PathStable:
			t.TokenCalls++
		default:
			t.OtherCalls++
		}
	})
}
