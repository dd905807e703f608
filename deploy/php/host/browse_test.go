package host_test

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/chromium"
	"pushd/internal/wechatsim"
)

// screenshots is where TestBrowse writes pictures of the pages:
//
//	go test ./deploy/php/host -run TestBrowse -screenshots ../../../docs/images
var screenshots = flag.String("screenshots", "", "directory for pictures of the pages")

const (
	followers = 300
	title     = "零基础学烘焙：第一课 戚风蛋糕"
	category  = "课程名称:{{thing2.DATA}}\n上课时间:{{time5.DATA}}\n备注:{{thing8.DATA}}"
)

// tour is a walk through the host with a real browser.
type tour struct {
	*site
	ctx    context.Context
	acct   *wechatsim.Account
	owner  *chromium.Page
	viewer *chromium.Page
	start  time.Time // of the channel
	act    string    // its number
}

// An owner sets the reminder up, a viewer follows, cron runs, and every
// follower has the message with the right text and time; wherever the clocks
// of PHP and of the browsers stand.
func TestBrowse(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	b, err := chromium.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, zone := range []string{"Asia/Shanghai", "UTC"} {
		t.Run(zone, func(t *testing.T) {
			o := &tour{site: newSite(t, followers), ctx: ctx}
			o.php = o.php.With(phptest.Settings{"TZ": zone})
			o.host = o.serve()
			o.acct = o.Sim.Find("wxalice")
			o.owner, o.viewer = o.open(b, chromium.Desktop, zone), o.open(b, chromium.Phone, zone)
			o.channel(1, alice, "上周的直播", time.Now().Add(-7*24*time.Hour), 2)
			if zone != "UTC" {
				o.gate(b)
			}
			o.login()
			o.compose()
			o.test()
			o.enableReminder()
			o.create()
			o.follow()
			o.remind(zone)
			for name, p := range map[string]*chromium.Page{"owner": o.owner, "viewer": o.viewer} {
				for _, fault := range p.Faults() {
					// The inputs that are wrong on purpose, and the question before sending at once.
					if !strings.Contains(fault, "status of 422") && !strings.Contains(fault, "status of 409") {
						t.Errorf("%s: %s", name, fault)
					}
				}
			}
		})
	}
}

func (o *tour) open(b *chromium.Browser, s chromium.Screen, zone string) *chromium.Page {
	o.t.Helper()
	p, err := b.Page(o.ctx, s)
	o.must(err)
	o.must(p.Zone(o.ctx, zone))
	return p
}

func (o *tour) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// text is the text of an element.
func (o *tour) text(p *chromium.Page, selector string) string {
	o.t.Helper()
	text, err := p.Run(o.ctx, fmt.Sprintf("document.querySelector(%q).innerText", selector))
	o.must(err)
	return text
}

// picture writes a screenshot, if they are wanted.
func (o *tour) picture(p *chromium.Page, name string, whole bool) {
	o.t.Helper()
	if *screenshots != "" && strings.HasSuffix(o.t.Name(), "Shanghai") {
		_, err := p.Run(o.ctx, "new Promise((done) => setTimeout(done, 400))") // transitions
		o.must(err)
		o.must(p.Screenshot(o.ctx, filepath.Join(*screenshots, name+".png"), whole))
	}
}

// gate looks at what an owner sees who may not.
func (o *tour) gate(b *chromium.Browser) {
	p := o.open(b, chromium.Desktop, "Asia/Shanghai")
	o.must(p.Open(o.ctx, o.host+"/login"))
	o.enter(p, carol)
	o.must(p.Wait(o.ctx, `document.querySelector("[data-gate=gate_edition].bad")`))
	o.picture(p, "gate", false)
	o.account(p)
}

// account is an owner who enters somebody else's appid, and then their own.
func (o *tour) account(p *chromium.Page) {
	o.Sim.Account("wx5f2c0a9d41e7b836", wechatsim.AccountOptions{Secret: appSecret})
	o.must(p.Open(o.ctx, o.host+"/account"))
	save := func(appid string) {
		o.must(p.Fill(o.ctx, "[name=appid]", appid))
		o.must(p.Fill(o.ctx, "[name=secret]", appSecret))
		o.must(p.Click(o.ctx, ".card button"))
	}
	save("wxalice")
	o.must(p.Wait(o.ctx, `document.querySelector(".notice.bad")?.textContent.includes("该公众号已绑定其他账号")`))
	save(" wx5f2c0a9d41e7b836 ")
	o.must(p.Wait(o.ctx, `document.querySelector("[data-gate=gate_edition].bad")`)) // Carol's edition is still another matter
	o.must(p.Open(o.ctx, o.host+"/account"))
	o.picture(p, "account", false)
}

func (o *tour) enter(p *chromium.Page, uin int) {
	o.must(p.Fill(o.ctx, "[name=uin]", strconv.Itoa(uin)))
	o.must(p.Fill(o.ctx, "[name=password]", password))
	o.must(p.Click(o.ctx, "form button"))
}

func (o *tour) login() {
	o.must(o.owner.Open(o.ctx, o.host+"/"))
	o.must(o.owner.Wait(o.ctx, `location.pathname == "/login"`))
	o.picture(o.owner, "login", false)
	o.enter(o.owner, alice)
	o.must(o.owner.Wait(o.ctx, `location.pathname == "/channels" && document.readyState == "complete"`))
}

// compose pastes a category template, fills it in and looks at the preview.
func (o *tour) compose() {
	p := o.owner
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.must(p.Wait(o.ctx, `document.querySelectorAll("#templates input").length == 2`))
	o.must(p.Click(o.ctx, `#templates label:last-child input`))
	o.must(p.Fill(o.ctx, "[name=templateId]", wechatsim.TemplateID("wxalice", 2)))
	o.must(p.Fill(o.ctx, "[name=content]", category))
	o.must(p.Fill(o.ctx, `[name="fields.thing8"]`, "{{minutes}} 分钟后开播，带上面粉和鸡蛋，我们直播间准时见面"))
	o.must(p.Click(o.ctx, "#save"))
	o.must(p.Wait(o.ctx, `document.querySelector(".why")?.textContent.includes("微信最多接受 20 个")`))
	o.must(p.Fill(o.ctx, `[name="fields.thing8"]`, "{{minutes}} 分钟后开播，准备好面粉鸡蛋"))
	o.must(p.Wait(o.ctx, `document.querySelector("#lines").innerText.includes("30 分钟后开播")`))
	o.must(p.Click(o.ctx, "#save"))
	o.must(p.Wait(o.ctx, `document.querySelector("#toast").textContent == "已保存"`))
	if got := o.text(p, "#lines"); !strings.Contains(got, "上周的直播") || !strings.Contains(got, time.Now().In(shanghai).Format("2006年")) {
		o.t.Errorf("preview: %s", got)
	}
	// What the owner copies into WeChat's console.
	address, err := url.Parse(o.copied(0))
	o.must(err)
	o.acct.SetCallback(&wechatsim.Callback{URL: o.host + address.RequestURI(), Token: o.copied(1), JobFinish: true})
	o.must(o.acct.VerifyCallback(o.ctx))
	if *screenshots != "" {
		o.must(p.Wait(o.ctx, `!document.querySelector("#toast.show")`))
	}
	o.picture(p, "settings", true)
	o.must(p.Resize(o.ctx, chromium.Phone))
	o.picture(p, "settings-phone", true)
	o.must(p.Resize(o.ctx, chromium.Desktop))
}

func (o *tour) copied(i int) string {
	o.t.Helper()
	text, err := o.owner.Run(o.ctx, fmt.Sprintf(`document.querySelectorAll("#callback code")[%d].textContent`, i))
	o.must(err)
	return text
}

// ticket is the ticket of the QR code that a page shows, once it is drawn.
func (o *tour) ticket(p *chromium.Page, selector string) string {
	o.t.Helper()
	o.must(p.Wait(o.ctx, fmt.Sprintf(`document.querySelector(%q).naturalWidth > 0`, selector)))
	src, err := p.Run(o.ctx, fmt.Sprintf("document.querySelector(%q).src", selector))
	o.must(err)
	u, err := url.Parse(src)
	o.must(err)
	return u.Query().Get("ticket")
}

// test sends a test message to whoever scans: the seventh follower.
func (o *tour) test() {
	o.must(o.owner.Click(o.ctx, "#test"))
	ticket := o.ticket(o.owner, "#testbox img")
	o.picture(o.owner, "test", false)
	scanner, err := o.acct.Scan(ticket, o.acct.OpenID(6))
	o.must(err)
	o.must(o.owner.Wait(o.ctx, `document.querySelector("#testbox").dataset.state == "sent"`))
	campaigns := o.acct.Campaigns()
	if len(campaigns) != 1 {
		o.t.Fatalf("campaigns %v", campaigns)
	}
	m, ok := o.acct.MessageTo(campaigns[0], scanner)
	if !ok || m.Data["thing2"] != "上周的直播" || m.Data["thing8"] != "30 分钟后开播，准备好面粉鸡蛋" {
		o.t.Errorf("test message %+v", m)
	}
	o.must(o.owner.Click(o.ctx, "#testbox [data-close]"))
}

// enableReminder switches the reminder on, after reading what it will mean.
func (o *tour) enableReminder() {
	p := o.owner
	_, err := p.Run(o.ctx, `document.querySelector("#enabled").click()`)
	o.must(err)
	o.must(p.Wait(o.ctx, `document.querySelector("#enablebox").open`))
	if got := o.text(p, "#enablebox .facts"); !strings.Contains(got, "300 人") || !strings.Contains(got, "不到 1 分钟") || !strings.Contains(got, "999,999 条") {
		o.t.Errorf("facts: %s", got)
	}
	o.picture(p, "enable", false)
	o.must(p.Click(o.ctx, "#confirm"))
	o.must(p.Wait(o.ctx, `document.querySelector("#enabled").checked && !document.querySelector("#enablebox").open`))
}

// create makes a channel that starts in 25 minutes, reminded of 30 before.
func (o *tour) create() {
	p := o.owner
	o.start = time.Now().Add(25 * time.Minute).Truncate(time.Minute)
	o.must(p.Open(o.ctx, o.host+"/channels/new"))
	o.must(p.Fill(o.ctx, "[name=title]", title))
	o.must(p.Fill(o.ctx, "[name=start_time]", o.start.In(shanghai).Format("2006-01-02T15:04")))
	o.must(p.Fill(o.ctx, "[name=content]", "不需要烤箱经验。\n准备 3 个鸡蛋、50 克低筋面粉，跟着做就能成功。"))
	o.wait(`document.querySelector("[data-people=followers]").textContent == "300 人 · 包括没有订阅的人"`)
	o.must(p.Click(o.ctx, "[name=audience][value=followers]"))
	o.must(p.Fill(o.ctx, "[name=live_notify_time]", "1441"))
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.must(p.Wait(o.ctx, `document.querySelector(".why")?.textContent.includes("0 到 1440")`))
	o.must(p.Click(o.ctx, "[data-minutes='30']"))
	o.must(p.Click(o.ctx, "[data-minutes='10']"))
	due := o.start.Add(-10 * time.Minute).In(shanghai).Format("15:04")
	if got := o.text(p, "#due"); !strings.Contains(got, due) {
		o.t.Errorf("due: %s, want %s", got, due)
	}
	o.picture(p, "channel-new", true)
	o.must(p.Click(o.ctx, "[data-minutes='30']"))
	if got := o.text(p, "#due"); !strings.Contains(got, "保存后一分钟内发送") {
		o.t.Errorf("due: %s", got)
	}
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.must(p.Wait(o.ctx, `document.querySelector("#ask-box").open && document.querySelector("#ask-text").textContent.includes("不能撤回")`))
	o.picture(p, "channel-now", false)
	o.must(p.Click(o.ctx, "#ask-box .primary"))
	o.must(p.Wait(o.ctx, `/^\/channels\/\d+$/.test(location.pathname) && document.querySelector("#reminder").dataset.state == "due"`))
	act, err := p.Run(o.ctx, `location.pathname.split("/")[2]`)
	o.must(err)
	o.act = act
	o.must(p.Open(o.ctx, o.host+"/channels"))
	o.picture(p, "channels", false)
}

// follow is a viewer on a phone who subscribes.
func (o *tour) follow() {
	p := o.viewer
	o.must(p.Open(o.ctx, o.host+"/watch/"+o.act))
	if got := o.text(p, "#watch"); !strings.Contains(got, title) || !strings.Contains(got, o.start.In(shanghai).Format("2006年01月02日 15:04")) {
		o.t.Errorf("watch page: %s", got)
	}
	o.must(p.Click(o.ctx, "#subscribe"))
	ticket := o.ticket(p, "#panel img")
	_, err := o.acct.Scan(ticket, "")
	o.must(err)
	o.must(p.Wait(o.ctx, `!document.querySelector("#ask").hidden`))
	o.must(p.Click(o.ctx, "#yes"))
	o.must(p.Open(o.ctx, o.host+"/watch/"+o.act))
	o.must(p.Wait(o.ctx, `document.querySelector("#done").textContent.includes("已订阅")`))
}

// remind runs cron, watches the progress, and asks the simulator who got what.
func (o *tour) remind(zone string) {
	p := o.owner
	if *screenshots != "" { // slow enough to be seen
		o.acct.Tune(func(b *wechatsim.Behaviour) { b.Latency, b.InFlightLimit = wechatsim.Fixed(400*time.Millisecond), 40 })
	}
	run := o.php.Cron(o.ctx, o.t)
	if run.Code != 0 || !strings.Contains(run.Stdout, "actid="+o.act) || !strings.Contains(run.Stdout, "accepted") {
		o.t.Fatalf("cron: %+v", run)
	}
	o.must(p.Open(o.ctx, o.host+"/channels/"+o.act))
	if *screenshots != "" {
		o.must(p.Wait(o.ctx, `document.querySelector("progress").value > 30`))
		o.picture(p, "channel-sending", true)
	}
	o.must(p.Wait(o.ctx, `document.querySelector("#reminder").dataset.state == "done"`))
	if got := o.text(p, "#reminder"); !strings.Contains(got, "已完成") || !strings.Contains(got, "301 / 301 人") {
		o.t.Errorf("state: %s", got)
	}
	o.picture(p, "channel-done", true)
	id := strings.Fields(run.Stdout[strings.Index(run.Stdout, "job=")+4:])[0]
	job, err := o.API().Job(o.ctx, id)
	o.must(err)
	report := o.acct.Report(job.MsgID)
	if report.Once != followers || report.Newborn != 1 || !report.Complete() || report.More != 0 {
		o.t.Errorf("report: %+v", report)
	}
	m, _ := o.acct.LastMessage(job.MsgID)
	want := map[string]string{
		"thing2": "零基础学烘焙：第一课 戚风蛋糕", "time5": o.start.In(shanghai).Format("2006年01月02日 15:04"),
	}
	// The channel was made in less than the 30 minutes that it is set to.
	if got := m.Data["thing8"]; got != "25 分钟后开播，准备好面粉鸡蛋" && got != "24 分钟后开播，准备好面粉鸡蛋" {
		o.t.Errorf("thing8 is %q", got)
	}
	for key, value := range want {
		if m.Data[key] != value {
			o.t.Errorf("%s is %q, want %q", key, m.Data[key], value)
		}
	}
	if m.URL != public+"/watch/"+o.act {
		o.t.Errorf("leads to %s", m.URL)
	}
}
