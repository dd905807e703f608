package api

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pushd"
)

// accepted posts a body and returns the request that reached the domain.
func accepted(t *testing.T, contentType, body string) pushd.Request {
	t.Helper()
	var got pushd.Request
	w := newWorld()
	w.control.PostFunc = func(r pushd.Request) (pushd.Outcome, error) {
		got = r
		return pushd.Outcome{Job: job(pushd.Queued)}, nil
	}
	if rec := w.serve(request("POST", "/v1/jobs", contentType, body)); rec.Code != 202 {
		t.Fatalf("%s: answered %d %s", body, rec.Code, rec.Body)
	}
	return got
}

func TestServer_GoodBodies(t *testing.T) {
	four := pushd.Request{ActID: 42, AppID: "wx01", AccessToken: "tok"}
	all := pushd.Request{
		ActID: 42, AppID: "wx01", AccessToken: "tok", ExpiresIn: 7000 * time.Second,
		Asked: pushd.Asked{
			TemplateID: "T_-1", URL: "https://live.example.com/?a=1&b=播",
			MiniProgram: &pushd.MiniProgram{AppID: "wx02", PagePath: "pages/live?id=42"},
			Data:        map[string]string{"thing1": "春季 公开课", "time2": "20:00", "number3": "5"},
		},
		Deadline: 1772368200, Rate: 500, Continue: true,
	}
	cases := []struct {
		name, contentType, body string
		want                    pushd.Request
	}{
		{"four fields", asJSON, `{"actid":42,"appid":"wx01","secret":"s","accessToken":"tok"}`, four},
		{"four fields in a form", asForm, "actid=42&appid=wx01&secret=s&accessToken=tok", four},
		{"numeric text and the other name of the secret", "application/json; charset=UTF-8", `{"actid":"42","appid":"wx01","appSecret":{"a":[1]},"accessToken":"tok"}`, four},
		{"null and empty are absent", asJSON, `{"actid":42,"appid":"wx01","accessToken":"tok","accessTokenExpiresIn":null,"templateId":"","url":null,
			"miniprogram":null,"data":null,"deadline":"","rate":null,"continue":null,"restart":"","dryRun":null,"secret":null}`, four},
		{"empty PHP arrays are absent", asJSON, `{"actid":42,"appid":"wx01","accessToken":"tok","data":[],"miniprogram":[]}`, four},
		{"empty in a form", asForm, "&actid=42&appid=wx01&accessToken=tok&rate=&restart=&deadline=&", four},
		{"everything", asJSON, `{"actid":42,"appid":"wx01","accessToken":"tok","accessTokenExpiresIn":"7000","templateId":"T_-1",
			"url":"https://live.example.com/?a=1&b=播","miniprogram":{"appid":"wx02","pagepath":"pages/live?id=42"},
			"data":{"thing1":"春季 公开课","time2":{"value":"20:00"},"number3":5},"deadline":1772368200,"rate":500,"continue":true,"restart":false,"dryRun":"false"}`, all},
		{"everything in a form", asForm, "actid=42&appid=wx01&accessToken=tok&accessTokenExpiresIn=7000&templateId=T_-1" +
			"&url=https%3A%2F%2Flive.example.com%2F%3Fa%3D1%26b%3D%E6%92%AD&miniprogram%5Bappid%5D=wx02&miniprogram[pagepath]=pages/live?id%3D42" +
			"&data%5Bthing1%5D=%E6%98%A5%E5%AD%A3+%E5%85%AC%E5%BC%80%E8%AF%BE&data[time2][value]=20:00&data[number3]=5&deadline=1772368200&rate=500&continue=1&restart=0&dryRun=0", all},
		{"a token without time is dropped", asJSON, `{"actid":42,"appid":"wx01","accessToken":"tok","accessTokenExpiresIn":-3}`, pushd.Request{ActID: 42, AppID: "wx01"}},
		{"placeholders, with and without blanks", asJSON, `{"actid":42,"appid":"wx01","url":"https://a.example/?t={{ title }}&u={{url}}","miniprogram":{"appid":"wx02","pagepath":"p?t={{\ttitle}}"},"data":{"thing1":"{{ title }}{x}"}}`,
			pushd.Request{ActID: 42, AppID: "wx01", Asked: pushd.Asked{URL: "https://a.example/?t={{ title }}&u={{url}}",
				MiniProgram: &pushd.MiniProgram{AppID: "wx02", PagePath: "p?t={{\ttitle}}"}, Data: map[string]string{"thing1": "{{ title }}{x}"}}}},
		{"a tag", asJSON, `{"actid":42,"appid":"wx01","audience":{"tagId":101}}`, pushd.Request{ActID: 42, AppID: "wx01", Audience: "tag:101"}},
		{"a tag as text", asForm, "actid=42&appid=wx01&audience=tag:101", pushd.Request{ActID: 42, AppID: "wx01", Audience: "tag:101"}},
		{"a tag in brackets", asForm, "actid=42&appid=wx01&audience[tagId]=101", pushd.Request{ActID: 42, AppID: "wx01", Audience: "tag:101"}},
		{"subscribers", asJSON, `{"actid":42,"appid":"wx01","audience":"subscribers"}`, pushd.Request{ActID: 42, AppID: "wx01", Audience: pushd.AudienceSubscribers}},
		{"everyone, in so many words", asJSON, `{"actid":42,"appid":"wx01","audience":"followers"}`, pushd.Request{ActID: 42, AppID: "wx01", Audience: pushd.AudienceFollowers}},
		{"no audience in particular", asForm, "actid=42&appid=wx01&audience=", pushd.Request{ActID: 42, AppID: "wx01"}},
		{"restart", asForm, "actid=42&appid=wx01&restart=true", pushd.Request{ActID: 42, AppID: "wx01", Restart: true}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			// By their parts: a token prints as its fingerprint.
			if got := accepted(t, c.contentType, c.body); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestFields_Boolean(t *testing.T) {
	for text, want := range map[string]bool{
		`true`: true, `1`: true, `"1"`: true, `"true"`: true,
		`false`: false, `0`: false, `"0"`: false, `"false"`: false,
	} {
		body := fmt.Sprintf(`{"actid":42,"appid":"wx01","restart":%s}`, text)
		if got := accepted(t, asJSON, body).Restart; got != want {
			t.Errorf("%s reads as %v", text, got)
		}
	}
}

// The secret is dropped before anything is built of the body.
func TestParse_DropsSecrets(t *testing.T) {
	trees := map[string]func([]byte) (*node, *pushd.Problem){
		`{"secret":"MARKEDSECRET","appSecret":{"MARKEDSECRET":"MARKEDSECRET"},"data":{"secret":"kept"}}`: parseJSON,
		`{"secret":["MARKEDSECRET"],"appSecret":1234567,"data":{"secret":"kept"}}`:                       parseJSON,
		`secret=MARKEDSECRET&appSecret=MARKEDSECRET&data[secret]=kept`:                                   parseForm,
	}
	for body, parse := range trees {
		n, p := parse([]byte(body))
		if p != nil {
			t.Fatal(p)
		}
		for _, key := range []string{"secret", "appSecret"} {
			if member := n.members[key]; member == nil || member.text != "" || member.members != nil {
				t.Errorf("%s: %s is %+v", body, key, member)
			}
		}
		if n.members["data"].members["secret"].text != "kept" {
			t.Errorf("%s: a template's field of that name is lost", body)
		}
	}
}

// Whatever bytes come, the answer is a refusal or a request that keeps the
// rules; a form and a JSON body never mean two things.
func FuzzJobBody(f *testing.F) {
	for _, b := range badRequests {
		if b.path == "" && len(b.body) < 2000 {
			f.Add(b.body, b.contentType == asForm)
		}
	}
	f.Add(`{"actid":"42","appid":"wx01","data":{"thing1":{"value":"a"}},"miniprogram":{"appid":"wx02"}}`, false)
	f.Add("actid=42&appid=wx01&data[thing1][value]=a&miniprogram[appid]=wx02&restart=1&rate=5", true)
	f.Fuzz(func(t *testing.T, body string, form bool) {
		parse := parseJSON
		if form {
			parse = parseForm
		}
		n, p := parse([]byte(body))
		if p != nil {
			if p.Text == "" || p.Code == "" {
				t.Errorf("refusal without words: %+v", p)
			}
			return
		}
		fields := newFields(n, nil, jobFields...)
		r := fields.jobRequest()
		if err := fields.err(); err != nil {
			if err.Error() == "" {
				t.Error("refusal without words")
			}
			return
		}
		if r.ActID <= 0 || r.AppID == "" || len(r.AppID) > 64 || r.Rate < 0 || r.Rate > maxRate ||
			r.ExpiresIn < 0 || len(r.AccessToken) > 1024 || len(r.Asked.URL) > 2048 || len(r.Asked.Data) > maxData ||
			(r.Deadline != 0 && (r.Deadline < minDeadline || r.Deadline > maxDeadline)) || (r.Continue && r.Restart) {
			t.Errorf("accepted %+v", r)
		}
		for key, value := range r.Asked.Data {
			if !dataKeyPattern.MatchString(key) || value == "" {
				t.Errorf("accepted data %q: %q", key, value)
			}
		}
	})
}
