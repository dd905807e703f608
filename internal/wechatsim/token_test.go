package wechatsim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (r *rig) classic() answer {
	r.t.Helper()
	a, err := r.do("GET", "/cgi-bin/token?grant_type=client_credential&appid="+testApp+"&secret=secret", "")
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) stable(force bool) answer {
	r.t.Helper()
	a, err := r.do("POST", "/cgi-bin/stable_token", fmt.Sprintf(
		`{"grant_type":"client_credential","appid":"%s","secret":"secret","force_refresh":%v}`, testApp, force))
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// with is the code that a page fetched with this token answers.
func (r *rig) with(token string) int {
	r.t.Helper()
	a, err := r.do("GET", "/cgi-bin/user/get?access_token="+token, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return a.Code
}

func TestToken_Classic(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 1})
	one := r.classic()
	if len(one.Token) != 136 || one.Expires != 7200 || r.with(one.Token) != 0 {
		t.Fatalf("token is %+v", one)
	}
	two := r.classic()
	if two.Token == one.Token || r.with(one.Token) != 0 || r.with(two.Token) != 0 {
		t.Error("both tokens should work for five minutes")
	}
	r.sim.Advance(5 * time.Minute)
	if got := r.with(one.Token); got != 40001 {
		t.Errorf("five minutes later the old one answers %d", got)
	}
	r.sim.Advance(2 * time.Hour)
	if got := r.with(two.Token); got != 42001 {
		t.Errorf("two hours later the new one answers %d", got)
	}
}

func TestToken_Stable(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 1})
	one := r.stable(false)
	r.classic()
	r.sim.Advance(time.Hour)
	if again := r.stable(false); again.Token != one.Token || again.Expires != 3600 {
		t.Errorf("an hour later it is %+v", again)
	}
	r.sim.Advance(56 * time.Minute)
	two := r.stable(false)
	if two.Token == one.Token || two.Expires != 7200 || r.with(one.Token) != 0 {
		t.Errorf("before the end it is %+v", two)
	}
	three := r.stable(true)
	if r.with(two.Token) != 40001 || r.with(three.Token) != 0 {
		t.Error("force_refresh should kill the old one at once")
	}
	if again := r.stable(true); again.Code != 45009 {
		t.Errorf("a second force_refresh within 30 s is answered %+v", again)
	}
}

func TestToken_Bad(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 1})
	good := r.token()
	r.sim.Account("wxother", AccountOptions{Followers: 1})
	for token, want := range map[string]int{
		"": 41001, "short": 40014, strings.Repeat("a", 136): 40014,
		good[:135] + "!": 40014, good[:130] + "AAAAAA": 40001,
	} {
		if got := r.with(token); got != want {
			t.Errorf("token %.12q answers %d, want %d", token, got, want)
		}
		a, err := r.do("POST", "/cgi-bin/message/template/send?access_token="+token, r.body(r.acct.OpenID(0), "j"))
		if err != nil || a.Code != want {
			t.Errorf("send with token %.12q answers %+v, %v, want %d", token, a, err, want)
		}
	}
	r.acct.RevokeToken()
	if got := r.with(good); got != 40001 {
		t.Errorf("revoked token answers %d", got)
	}
	if got := r.with(r.token()); got != 0 {
		t.Errorf("the next token answers %d", got)
	}
	other, _ := r.sim.Find("wxother").StableToken(false)
	a, _ := r.do("POST", "/cgi-bin/message/template/send?access_token="+other, r.body(r.acct.OpenID(0), "j"))
	if a.Code != 40003 {
		t.Errorf("another account's token answers %+v", a)
	}
}

func TestToken_WrongSecret(t *testing.T) {
	r := newRig(t, AccountOptions{})
	for query, want := range map[string]int{
		"grant_type=x&appid=" + testApp + "&secret=secret":                    40002,
		"grant_type=client_credential&appid=wxnobody&secret=secret":           40013,
		"grant_type=client_credential&appid=" + testApp + "&secret=other":     40125,
		"grant_type=client_credential&appid=" + testApp:                       41004,
		"grant_type=client_credential&appid=" + testApp + "&secret=secret&x=": 0,
	} {
		if a, err := r.do("GET", "/cgi-bin/token?"+query, ""); err != nil || a.Code != want {
			t.Errorf("%s answers %+v, %v; want %d", query, a, err, want)
		}
	}
}

// php calls the token endpoint.
func (r *rig) php(query, header, key string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest("GET", r.web.URL+"/php/token?"+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set(header, key)
	resp, err := r.web.Client().Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := readBody(nil, resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestPHP_Contract(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 1})
	if status, body := r.php("appid="+testApp, "X-Pushd-Key", "wrong"); status != 401 {
		t.Errorf("a wrong key is answered %d %s", status, body)
	}
	if _, body := r.php("appid=wxnobody", "X-Pushd-Key", "key"); !strings.HasPrefix(body, `{"code":1`) {
		t.Errorf("an unknown account is answered %s", body)
	}
	one := r.token()
	_, body := r.php("appid="+testApp+"&actid=42", "Authorization", "Bearer key")
	if want := `{"access_token":"` + one + `","expires_in":7200}`; body != want {
		t.Fatalf("answer is %s, want %s", body, want)
	}
	r.acct.RevokeToken()
	if _, again := r.php("appid="+testApp, "X-Pushd-Key", "key"); again != body {
		t.Error("without rejected the cached token should come again")
	}
	if _, again := r.php("appid="+testApp+"&rejected=0123456789abcdef", "X-Pushd-Key", "key"); again != body {
		t.Error("another rejected token should not drop the cached one")
	}
	r.sim.Advance(3 * time.Second)
	if _, again := r.php("appid="+testApp+"&rejected="+fingerprint(one), "X-Pushd-Key", "key"); again == body {
		t.Error("the rejected token came again")
	}
	got := r.sim.PHP(testApp)
	if got.Calls != 5 || got.Unauthorized != 1 || got.Rejecting != 2 || got.Dropped != 1 || got.MaxConcurrent != 1 || got.ActIDs[1] != "42" {
		t.Errorf("stats is %+v", got)
	}
}

func TestPHP_Faults(t *testing.T) {
	tests := []struct {
		fault  Fault
		status int
		want   string
	}{
		{Fault{Action: ActHTML}, 502, "<html>"},
		{Fault{Action: ActHTML, Status: 200}, 200, "<html>"},
		{Fault{Action: ActNotJSON}, 200, "Service"},
		{Fault{Action: ActEmpty}, 200, ""},
		{Fault{Action: ActPHPError, Code: 7, Body: "no token today"}, 200, `{"code":7,"msg":"no token today"}`},
		{Fault{Action: ActExpires, ExpiresIn: 300}, 200, `,"expires_in":300}`},
		{Fault{Action: ActOldToken}, 200, "OLD"},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault.Action), func(t *testing.T) {
			r := newRig(t, AccountOptions{Followers: 1})
			old := r.token()
			r.php("appid="+testApp, "X-Pushd-Key", "key")
			r.acct.RevokeToken()
			tt.fault.Path = PathPHP
			r.sim.Faults.Add(tt.fault)
			status, body := r.php("appid="+testApp+"&rejected="+fingerprint(old), "X-Pushd-Key", "key")
			if status != tt.status || !strings.Contains(strings.ReplaceAll(body, old, "OLD"), tt.want) || tt.want == "" && body != "" {
				t.Errorf("answer is %d %s, want %d %s", status, body, tt.status, tt.want)
			}
		})
	}
}
