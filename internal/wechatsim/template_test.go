package wechatsim

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestFits(t *testing.T) {
	tests := []struct {
		key, value string
		want       bool
	}{
		{"thing1", "新品发布会", true}, {"thing1", strings.Repeat("字", 20), true}, {"thing1", strings.Repeat("字", 21), false},
		{"thing1", "", false}, {"thing1", "两\n行", false},
		{"number2", "12.5", true}, {"number2", "12a", false},
		{"letter3", "abc", true}, {"letter3", "ab1", false},
		{"symbol4", "+-*", true}, {"symbol4", "+-*+-*", false}, {"symbol4", "a", false},
		{"character_string5", "A-12", true}, {"character_string5", "编号", false},
		{"time6", "15:01", true}, {"time6", "2026年10月01日 20:00", true}, {"time6", "2026年10月01日 09:06:04", true},
		{"time6", "15:00~16:00", true}, {"time6", "2022-01-27 15:00-16:00", false}, {"time6", "soon", false},
		{"date7", "2026年10月1日", true}, {"date7", "2026-10-01 20:00", true}, {"date7", "20:00", false},
		{"amount8", "¥39.8元", true}, {"amount8", "39元8角", false},
		{"phone_number9", "+86-0766-66888866", true}, {"phone_number9", "call me", false},
		{"car_number1", "粤A8Z888挂", true}, {"car_number1", "粤A8Z888挂车很长", false},
		{"name1", "张三", true}, {"name1", "Alexander the Great", true}, {"name1", strings.Repeat("张", 11), false},
		{"phrase1", "已开播", true}, {"phrase1", "on air", false},
		{"keyword1", "", true}, {"first", strings.Repeat("字", 99), true}, {"thing", "", true},
	}
	for _, tt := range tests {
		if got := Fits(tt.key, tt.value); got != tt.want {
			t.Errorf("%s %q fits %v, want %v", tt.key, tt.value, got, tt.want)
		}
	}
}

func TestTemplates_List(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 2})
	_, text, err := r.raw("GET", "/cgi-bin/template/get_all_private_template?access_token="+r.token(), "")
	var got struct {
		Code *int `json:"errcode"`
		List []struct {
			ID      string `json:"template_id"`
			Content string `json:"content"`
		} `json:"template_list"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &got)
	}
	if err != nil || got.Code != nil || len(got.List) != 1 || got.List[0].ID != TemplateID(testApp, 1) ||
		!strings.Contains(got.List[0].Content, "{{thing1.DATA}}") || len(got.List[0].ID) != 43 {
		t.Fatalf("list is %s, %v", text, err)
	}
	body := strings.NewReplacer(TemplateID(testApp, 1), TemplateID(testApp, 2), "thing1", "thing2", "time2", "time5").
		Replace(r.body(r.acct.OpenID(0), "j"))
	if a, _ := r.post("/cgi-bin/message/template/send", body); a.Code != 47003 || !strings.Contains(a.Text, "thing8") {
		t.Errorf("a field is missing and the answer is %+v", a)
	}
	body = strings.Replace(body, `"data":{`, `"data":{"thing8":{"value":"备注"},`, 1)
	if a, _ := r.post("/cgi-bin/message/template/send", body); a.Code != 0 {
		t.Errorf("the unlisted template answers %+v", a)
	}
	r.acct.RemoveTemplate(TemplateID(testApp, 2))
	if a, _ := r.post("/cgi-bin/message/template/send", body); a.Code != 40037 {
		t.Errorf("the removed template answers %+v", a)
	}
	r.acct.SetTemplateCode(TemplateID(testApp, 1), 40249)
	if a := r.send(r.acct.OpenID(1), "j"); a.Code != 40249 {
		t.Errorf("the blocked template answers %+v", a)
	}
}

func TestQRCode(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 2})
	_, text, err := r.raw("POST", "/cgi-bin/qrcode/create?access_token="+r.token(),
		`{"expire_seconds":604800,"action_name":"QR_STR_SCENE","action_info":{"scene":{"scene_str":"live_42"}}}`)
	var made struct {
		Ticket string `json:"ticket"`
		Expire int    `json:"expire_seconds"`
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &made)
	}
	if err != nil || made.Expire != 604800 || made.Ticket == "" {
		t.Fatalf("answer is %s, %v", text, err)
	}
	resp, picture, err := r.raw("GET", "/cgi-bin/showqrcode?ticket="+url.QueryEscape(made.Ticket), "")
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(picture, "\xff\xd8") {
		t.Errorf("picture is %v, %v", resp, err)
	}
	r.sim.Advance(8 * 24 * time.Hour)
	if resp, _, _ := r.raw("GET", "/cgi-bin/showqrcode?ticket="+url.QueryEscape(made.Ticket), ""); resp.StatusCode != 404 {
		t.Errorf("a code that ran out is %v", resp.Status)
	}
	if a, _ := r.post("/cgi-bin/qrcode/create", `{"action_name":"QR"}`); a.Code != 40035 {
		t.Errorf("a bad action is answered %+v", a)
	}
}

func TestBlocked_IsAnEmptyArray(t *testing.T) {
	r := newRig(t, AccountOptions{})
	if _, text, _ := r.raw("POST", "/wxa/sec/queryblocktmplmsg?access_token="+r.token(), "{}"); !strings.Contains(text, `"msginfo":[]`) {
		t.Errorf("answer is %s", text)
	}
}
