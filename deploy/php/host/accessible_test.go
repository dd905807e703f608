package host_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd/internal/chromium"
	"pushd/internal/wechatsim"
)

// widths are a phone, a tablet and a desk.
var widths = []chromium.Screen{
	{Width: 390, Height: 844, Scale: 1, Mobile: true}, {Width: 768, Height: 1024, Scale: 1}, {Width: 1280, Height: 900, Scale: 1},
}

// tooSmall lists what is to be tapped and is less than 40 px high or wide, links
// inside of sentences apart; and says whether the page is wider than its screen.
const tooSmall = `[...document.querySelectorAll("button, select, summary, input:not([type=hidden]), .button, nav a, a.grow, a.brand")]
	.map((e) => e.matches("[type=radio]") ? e.closest("label") : e)
	.filter((e) => e.checkVisibility({visibilityProperty: true}) && (e.getBoundingClientRect().height < 40 || e.getBoundingClientRect().width < 40))
	.map((e) => e.outerHTML.slice(0, 120) + " " + Math.round(e.getBoundingClientRect().width) + "×" + Math.round(e.getBoundingClientRect().height))
	.concat(document.documentElement.scrollWidth > innerWidth ? ["the page is " + document.documentElement.scrollWidth + " px wide"] : []).join("\n")`

// accessible looks at the page as it stands: in light and dark, on all screens.
func (o *tour) accessible(state string) {
	o.t.Helper()
	p := o.owner
	for _, scheme := range []string{"light", "dark"} {
		o.must(p.Scheme(o.ctx, scheme))
		for _, screen := range widths {
			o.must(p.Resize(o.ctx, screen))
			found, err := p.Violations(o.ctx)
			o.must(err)
			small, err := p.Run(o.ctx, tooSmall)
			o.must(err)
			if len(found) > 0 || small != "" {
				o.t.Errorf("%s, %s, %d px:\n%s\n%s", state, scheme, screen.Width, strings.Join(found, "\n"), small)
			}
		}
	}
	o.must(p.Scheme(o.ctx, "light"))
	o.must(p.Resize(o.ctx, chromium.Desktop))
	o.wait(fmt.Sprintf("innerWidth == %d", chromium.Desktop.Width)) // or a click goes to where a button was
}

// Every state of the owner's pages can be used by everybody.
func TestAccessible_Pages(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.channel(12, alice, "正在直播", time.Now().Add(-time.Hour), 2)
	s.channel(13, alice, "晚了", time.Now().Add(5*time.Minute), 0)
	o := stroll(t, s)
	p := o.owner
	for _, page := range []struct{ path, ready, state string }{
		{"/channels", `document.querySelector(".rows")`, "channels"},
		{"/channels?group=past", `document.querySelector(".empty")`, "no channels in a group"},
		{"/channels/new", `document.querySelector("[data-people=followers]").textContent != ""`, "a new channel"},
		{"/channels/13", `document.querySelector("#reminder").dataset.state == "late"`, "a late reminder"},
		{"/account", `true`, "account"},
		{"/channels/99", `document.querySelector("h1").textContent == "打不开这个页面"`, "an error"},
		{"/settings", `document.querySelector("#lines dt")`, "settings"},
	} {
		o.must(p.Open(o.ctx, o.host+page.path))
		o.wait(page.ready)
		o.accessible(page.state)
	}
	o.must(p.Click(o.ctx, "#braking summary"))
	o.wait(`document.querySelector("#braking").open`)
	o.must(p.Click(o.ctx, "#templates label:last-child input"))
	o.wait(`!document.querySelector("#paste").hidden`)
	o.accessible("a pasted template")
	o.must(p.Open(o.ctx, o.host+"/channels/new"))
	o.must(p.Fill(o.ctx, "[name=live_notify_time]", "1441"))
	o.must(p.Fill(o.ctx, "[name=title]", "错误"))
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.wait(`document.querySelector("[name=live_notify_time]").getAttribute("aria-invalid") == "true" && document.activeElement.name == "live_notify_time"
		&& document.getElementById(document.activeElement.getAttribute("aria-describedby"))?.getAttribute("role") == "alert"`)
	o.accessible("a field that is wrong")
	_, err := p.Run(o.ctx, `leaving = true`) // or the browser asks whether to leave what was typed
	o.must(err)
	o.must(p.Open(o.ctx, o.host+"/login"))
	o.must(p.Fill(o.ctx, "[name=uin]", "1"))
	o.must(p.Fill(o.ctx, "[name=password]", "wrong"))
	o.must(p.Click(o.ctx, "form button"))
	o.wait(`document.querySelector(".notice.bad[role=alert]")`)
	o.accessible("a login that is wrong")
	o.enter(p, carol)
	o.wait(`document.querySelector("[data-gate=gate_edition].bad")`)
	o.accessible("the gate")
}

// And of reminders that brakes put off or stop, as the form foretells while it is typed.
func TestAccessible_Brakes(t *testing.T) {
	s := newSite(t, 50)
	s.enable(alice, "wxalice")
	at := time.Now().In(shanghai).Add(48 * time.Hour)
	start := time.Date(at.Year(), at.Month(), at.Day(), 7, 0, 0, 0, shanghai)
	s.channel(12, alice, "早读", start, 0)
	s.channel(13, alice, "夜谈", start.Add(17*time.Hour), 0)
	o := stroll(t, s)
	p := o.owner
	o.elsewhere("/brakes", map[string]any{"quiet_from": "22:30", "quiet_to": "07:00"})
	for i, state := range []string{"waiting", "blocked"} {
		o.must(p.Open(o.ctx, fmt.Sprint(o.host, "/channels/", 12+i)))
		o.wait(fmt.Sprintf(`document.querySelector("#reminder").dataset.state == %q && document.querySelector("#due").textContent.includes("在免打扰时段（22:30–07:00）")`, state))
		o.accessible(state)
	}
	o.must(p.Fill(o.ctx, "[name=live_notify_time]", "120"))
	o.wait(`/^将在 .* 22:00 开始发送$/.test(document.querySelector("#due").textContent)`)
	o.must(p.Fill(o.ctx, "[name=live_notify_time]", "60"))
	o.wait(`document.querySelector("#due.bad").textContent.includes("23:00，在免打扰时段")`)
	_, err := p.Run(o.ctx, `leaving = true`)
	o.must(err)
	o.must(p.Open(o.ctx, o.host+"/channels"))
	o.wait(`document.querySelectorAll(".plan").length == 2 && document.querySelector(".badge.bad").textContent == "不会提醒"`)
	o.accessible("reminders put off and stopped")
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#lines dt")`)
	o.must(p.Click(o.ctx, "#braking summary"))
	o.must(p.Click(o.ctx, "#brakes .primary"))
	o.wait(`document.querySelector("#toast.show").textContent.includes("有 2 场的提醒会推迟或不发送")`)
}

// The same of what is open above a page, and of a reminder on its way.
func TestAccessible_Dialogs(t *testing.T) {
	s := newSite(t, 2000)
	s.channel(11, alice, "零基础学烘焙", time.Now().Add(20*time.Minute), 0)
	s.enable(alice, "wxalice")
	s.exec("UPDATE user_wx_config SET status = 0")
	o := stroll(t, s)
	p := o.owner
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#lines dt")`)
	o.must(p.Click(o.ctx, "#test"))
	o.wait(`document.querySelector("#testbox").open && document.querySelector("#testbox img").naturalWidth > 0`)
	o.accessible("a test message")
	o.must(p.Click(o.ctx, "#testbox [data-close]"))
	_, err := p.Run(o.ctx, `document.querySelector("#enabled").click()`)
	o.must(err)
	o.wait(`document.querySelector("#enablebox").open`)
	o.accessible("before enabling")
	_, err = p.Run(o.ctx, `toast("说明")`)
	o.must(err)
	o.wait(`document.querySelector("#enablebox #toast.show")`) // not behind what is modal
	o.must(p.Click(o.ctx, "#confirm"))
	o.wait(`document.querySelector("#enabled").checked && document.querySelector("#toast.show")`)
	o.accessible("a toast")
	s.Sim.Find("wxalice").Tune(func(b *wechatsim.Behaviour) { b.Latency, b.InFlightLimit = wechatsim.Fixed(400*time.Millisecond), 4 })
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	o.wait(`document.querySelector("#reminder").dataset.state == "sending" && !document.querySelector("[data-do=stop]").hidden`)
	o.accessible("a reminder on its way")
	o.must(p.Click(o.ctx, "[data-do=stop]"))
	o.wait(`document.querySelector("#ask-box").open`)
	o.accessible("the question before stopping")
	o.must(p.Click(o.ctx, "#ask-box .primary"))
	o.wait(`document.querySelector("#reminder").dataset.state == "failed" && !document.querySelector("[data-do=continue]").hidden`)
	o.accessible("a stopped reminder")
	o.elsewhere("/channels/11", map[string]any{"content": "新的简介"})
	o.must(p.Fill(o.ctx, "[name=title]", "新标题"))
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.wait(`!document.querySelector("#conflict").hidden`)
	o.accessible("a conflict")
	for _, fault := range p.Faults() {
		if !strings.Contains(fault, "status of 409") {
			t.Error(fault)
		}
	}
}

// Whoever has no JavaScript reads so, and whoever wants less motion has none.
func TestAccessible_NoScriptNoMotion(t *testing.T) {
	s := world(t)
	o := stroll(t, s)
	p := o.owner
	o.must(p.Scripts(o.ctx, false))
	o.must(p.Open(o.ctx, o.host+"/channels/new"))
	if got := o.text(p, "noscript"); !strings.Contains(got, "需要 JavaScript") {
		t.Errorf("without scripts: %s", got)
	}
	o.must(p.Scripts(o.ctx, true))
	o.must(p.Scheme(o.ctx, "light")) // which asks for reduced motion, too
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	o.wait(fmt.Sprintf(`getComputedStyle(document.querySelector(".dot")).animationName == "none" && getComputedStyle(document.querySelector(".switch span")).transitionDuration == %q`, "0s"))
}
