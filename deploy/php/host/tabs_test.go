package host_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"net/http/httptest"

	"pushd/internal/chromium"
	"pushd/internal/wechatsim"
)

// stroll is an owner's browser on a site, logged in, for tests of single pages.
func stroll(t *testing.T, s *site) *tour {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	b, err := chromium.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	o := &tour{site: s, ctx: ctx}
	o.owner = o.open(b, chromium.Desktop, "Asia/Shanghai")
	o.login()
	return o
}

func (o *tour) wait(script string) {
	o.t.Helper()
	o.must(o.owner.Wait(o.ctx, script))
}

// elsewhere is the same owner in another window.
func (o *tour) elsewhere(path string, body map[string]any) {
	o.t.Helper()
	if got := o.site.login(alice).api(path, body); got.status != 200 {
		o.t.Fatalf("%s: %d %s", path, got.status, got.text)
	}
}

// A tab that was opened before another one saved shows what is new, keeps what
// was typed, and saves that alone.
func TestTabs_Channel(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	o := stroll(t, s)
	p := o.owner
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	later := time.Now().Add(26 * time.Hour).Truncate(time.Minute)
	o.elsewhere("/channels/11", map[string]any{"start_time": later.Unix(), "live_notify_time": 45})
	o.must(p.Fill(o.ctx, "[name=title]", "烘焙课"))
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.wait(`!document.querySelector("#conflict").hidden`)
	if got := o.text(p, "#conflict"); !strings.Contains(got, "开播时间、提前分钟数") || !strings.Contains(got, "“标题”还在") {
		t.Errorf("conflict: %s", got)
	}
	o.wait(fmt.Sprintf(`document.querySelector("[name=title]").value == "烘焙课" && document.querySelector("[name=start_time]").value == %q`, later.In(shanghai).Format("2006-01-02T15:04")))
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.wait(`document.querySelector("#toast").textContent == "已保存" && document.querySelector("h1").textContent == "烘焙课"`)
	if n := s.number("SELECT COUNT(*) FROM activity JOIN activity_detail ON act_id = activity.id WHERE title = '烘焙课' AND start_time = ? AND live_notify_time = 45", later.Unix()); n != 1 {
		t.Error("saving the title undid the other tab's save")
	}
}

// The same for the settings: a text is saved, and what was switched off stays off.
func TestTabs_Settings(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	o := stroll(t, s)
	p := o.owner
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#fields input")`)
	o.elsewhere("/settings", map[string]any{"enabled": false})
	o.must(p.Fill(o.ctx, `[name="fields.thing1"]`, "今晚直播"))
	o.wait(`document.querySelector("#pending").textContent == "有修改还没有保存"`)
	o.must(p.Click(o.ctx, "#save"))
	o.wait(`!document.querySelector("#conflict").hidden && !document.querySelector("#enabled").checked`)
	if got := o.text(p, "#conflict"); !strings.Contains(got, "现在未启用") {
		t.Errorf("conflict: %s", got)
	}
	o.must(p.Click(o.ctx, "#save"))
	o.wait(`document.querySelector("#toast").textContent == "已保存" && document.querySelector("#pending").textContent == ""`)
	if n := s.number("SELECT status FROM user_wx_config WHERE uin = ?", alice); n != 0 {
		t.Error("a text's save switched the reminders on")
	}
}

// Clicks while the next page takes its time make one channel, and Back does not
// lead to a form that was sent.
func TestTabs_ImpatientClicks(t *testing.T) {
	s := world(t)
	backend, err := url.Parse(s.host)
	if err != nil {
		t.Fatal(err)
	}
	slow := make(chan bool, 1)
	proxy := httputil.NewSingleHostReverseProxy(backend)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // the browser went elsewhere
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/channels/1") {
			select {
			case <-slow:
				time.Sleep(3 * time.Second) // the page that takes long to come
			default:
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	s.host = front.URL
	o := stroll(t, s)
	p := o.owner
	o.must(p.Open(o.ctx, o.host+"/channels/new"))
	o.must(p.Fill(o.ctx, "[name=title]", "一次"))
	slow <- true
	// Timers of the page: it may go away between two of them.
	_, err = p.Run(o.ctx, `for (const ms of [0, 300, 600, 900, 1200]) setTimeout(() => document.querySelector("#channel .primary").click(), ms); 0`)
	o.must(err)
	o.wait(`/^\/channels\/\d+$/.test(location.pathname) && document.querySelector("h1")?.textContent == "一次"`)
	if n := s.number("SELECT COUNT(*) FROM activity WHERE title = '一次'"); n != 1 {
		t.Errorf("%d channels", n)
	}
	_, err = p.Run(o.ctx, `history.back()`)
	o.must(err)
	o.wait(`location.pathname == "/channels"`)
}

// Stopping and going on by the buttons of the page.
func TestTabs_Stop(t *testing.T) {
	s, _ := evening(t)
	o := stroll(t, s)
	p := o.owner
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	o.wait(`document.querySelector("progress").value > 5`)
	o.must(p.Click(o.ctx, "[data-do=stop]"))
	o.wait(`document.querySelector("#ask-box").open && document.querySelector("#ask-text").textContent.includes("人不会再收到")`)
	o.picture(p, "channel-stop", false)
	o.must(p.Click(o.ctx, "#ask-box .primary"))
	o.wait(`document.querySelector("#reminder").dataset.state == "failed" && !document.querySelector("[data-do=continue]").hidden`)
	if n := s.quiet(); n != 0 {
		t.Errorf("%d messages left after the stop", n)
	}
	if got := o.text(p, "[data-do=continue]"); !strings.Contains(got, "继续发给没收到的") {
		t.Errorf("offers %q", got)
	}
	o.must(p.Click(o.ctx, "[data-do=continue]"))
	o.must(p.Click(o.ctx, "#ask-box .primary"))
	o.wait(`document.querySelector("#reminder").dataset.state == "done"`)
}

// A look at the message asks WeChat nothing, whatever is typed; and a listed
// template keeps its labels once its texts are saved, also in another pushd.
func TestTabs_PreviewCostsNothing(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	o := stroll(t, s)
	p := o.owner
	open := func() {
		o.must(p.Open(o.ctx, o.host+"/settings"))
		o.wait(`document.querySelector("#lines dt")?.textContent == "直播主题"`)
	}
	open()
	calls := s.Sim.Find("wxalice").Stats().OtherCalls
	for i := range 10 {
		o.must(p.Fill(o.ctx, `[name="fields.thing1"]`, fmt.Sprint("今晚", i)))
		o.wait(fmt.Sprintf(`document.querySelector("#lines dd").textContent == "今晚%d"`, i))
	}
	if n := s.Sim.Find("wxalice").Stats().OtherCalls - calls; n != 0 {
		t.Errorf("ten looks made %d calls", n)
	}
	o.must(p.Click(o.ctx, "#save"))
	o.wait(`document.querySelector("#toast").textContent == "已保存"`)
	open()
	var look struct{ Lines []struct{ Label string } }
	s.login(alice).api("/templates/"+wechatsim.TemplateID("wxalice", 1)+"/preview", map[string]any{"actid": 11}).into(t, &look)
	if len(look.Lines) != 2 || look.Lines[0].Label != "直播主题" {
		t.Errorf("labels: %+v", look)
	}
}
