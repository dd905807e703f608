package chromium

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// Screen is what a page is shown on.
type Screen struct {
	Width, Height int
	Scale         float64
	Mobile        bool
	UserAgent     string // "" = Chromium's own
}

// The screens of the tests.
var (
	Desktop = Screen{Width: 1180, Height: 900, Scale: 1}
	Phone   = Screen{Width: 390, Height: 780, Scale: 2, Mobile: true, UserAgent: "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36 MicroMessenger/8.0.50"}
)

// Page is a tab with cookies of its own.
type Page struct {
	browser *Browser
	session string
	faults  []string // guarded by browser.mu
}

// Page opens an empty tab that shares nothing with the others.
func (b *Browser) Page(ctx context.Context, s Screen) (*Page, error) {
	var made struct{ BrowserContextID, TargetID, SessionID string }
	for _, step := range []struct {
		method string
		params func() any
	}{
		{"Target.createBrowserContext", func() any { return nil }},
		{"Target.createTarget", func() any {
			return map[string]any{"url": "about:blank", "browserContextId": made.BrowserContextID}
		}},
		{"Target.attachToTarget", func() any { return map[string]any{"targetId": made.TargetID, "flatten": true} }},
	} {
		raw, err := b.call(ctx, "", step.method, step.params())
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &made); err != nil {
			return nil, err
		}
	}
	p := &Page{browser: b, session: made.SessionID}
	b.mu.Lock()
	b.pages[p.session] = p
	b.mu.Unlock()
	return p, p.setUp(ctx, s)
}

func (p *Page) setUp(ctx context.Context, s Screen) error {
	for _, c := range []struct {
		method string
		params any
	}{
		{"Page.enable", nil}, {"Runtime.enable", nil}, {"Log.enable", nil},
		{"Emulation.setUserAgentOverride", map[string]any{"userAgent": s.UserAgent}},
	} {
		if c.method == "Emulation.setUserAgentOverride" && s.UserAgent == "" {
			continue
		}
		if _, err := p.browser.call(ctx, p.session, c.method, c.params); err != nil {
			return err
		}
	}
	return p.Resize(ctx, s)
}

// Resize shows the page on a screen of another size.
func (p *Page) Resize(ctx context.Context, s Screen) error {
	_, err := p.browser.call(ctx, p.session, "Emulation.setDeviceMetricsOverride",
		map[string]any{"width": s.Width, "height": s.Height, "deviceScaleFactor": s.Scale, "mobile": s.Mobile})
	return err
}

// event notes what went wrong on the page: exceptions of its scripts, and
// what the browser refused or could not load. The caller holds browser.mu.
func (p *Page) event(m message) {
	switch m.Method {
	case "Runtime.exceptionThrown":
		p.faults = append(p.faults, string(m.Params))
	case "Log.entryAdded":
		if strings.Contains(string(m.Params), `"level":"error"`) {
			p.faults = append(p.faults, string(m.Params))
		}
	}
}

// Faults are the errors that the page's scripts and the browser told of since
// the last call.
func (p *Page) Faults() []string {
	p.browser.mu.Lock()
	defer p.browser.mu.Unlock()
	faults := p.faults
	p.faults = nil
	return faults
}

// Open goes to an address and waits until the page is loaded.
func (p *Page) Open(ctx context.Context, url string) error {
	if _, err := p.browser.call(ctx, p.session, "Page.navigate", map[string]any{"url": url}); err != nil {
		return err
	}
	return p.Wait(ctx, fmt.Sprintf(`document.readyState == "complete" && location.href != "about:blank" && %q.startsWith(location.origin)`, url))
}

// Zone sets the time zone that the page's scripts see.
func (p *Page) Zone(ctx context.Context, name string) error {
	_, err := p.browser.call(ctx, p.session, "Emulation.setTimezoneOverride", map[string]any{"timezoneId": name})
	return err
}

// Languages sets the header Accept-Language of the page's requests.
func (p *Page) Languages(ctx context.Context, accept string) error {
	if _, err := p.browser.call(ctx, p.session, "Network.enable", nil); err != nil {
		return err
	}
	_, err := p.browser.call(ctx, p.session, "Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]string{"Accept-Language": accept}})
	return err
}

// Scheme shows the page to somebody who prefers light or dark.
func (p *Page) Scheme(ctx context.Context, scheme string) error {
	_, err := p.browser.call(ctx, p.session, "Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}},
	})
	return err
}

// Scripts says whether the page's scripts run.
func (p *Page) Scripts(ctx context.Context, run bool) error {
	_, err := p.browser.call(ctx, p.session, "Emulation.setScriptExecutionDisabled", map[string]any{"value": !run})
	return err
}

// Press presses a key, such as Tab or Enter, where the focus is.
func (p *Page) Press(ctx context.Context, key string) error {
	down := map[string]any{"type": "keyDown", "key": key, "code": key}
	switch key {
	case "Tab":
		down["windowsVirtualKeyCode"] = 9
	case "Enter":
		down["windowsVirtualKeyCode"], down["text"] = 13, "\r"
	}
	if _, err := p.browser.call(ctx, p.session, "Input.dispatchKeyEvent", down); err != nil {
		return err
	}
	_, err := p.browser.call(ctx, p.session, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key})
	return err
}

// Run runs a script and returns what it comes to, as text.
func (p *Page) Run(ctx context.Context, script string) (string, error) {
	raw, err := p.browser.call(ctx, p.session, "Runtime.evaluate", map[string]any{
		"expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true,
	})
	if err != nil {
		return "", err
	}
	var out struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", err
	}
	if e := out.ExceptionDetails; e != nil {
		return "", fmt.Errorf("run %.80q: %s %s", script, e.Text, e.Exception.Description)
	}
	return fmt.Sprint(out.Result.Value), nil
}

// Wait returns when an expression is true on the page.
func (p *Page) Wait(ctx context.Context, expression string) error {
	for {
		// A page that is being left has no answer; the next one will.
		if got, err := p.Run(ctx, "Boolean("+expression+")"); err == nil && got == "true" {
			return nil
		}
		select {
		case <-ctx.Done():
			text, _ := p.Run(context.WithoutCancel(ctx), "location.href + ': ' + document.body.innerText")
			return fmt.Errorf("wait for %s: %w; the page is %s", expression, context.Cause(ctx), text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Click presses the element that a selector finds, once it is there to be
// pressed.
func (p *Page) Click(ctx context.Context, selector string) error {
	element := fmt.Sprintf("document.querySelector(%q)", selector)
	if err := p.Wait(ctx, element+" && !"+element+".disabled && "+element+".offsetParent !== null"); err != nil {
		return err
	}
	_, err := p.Run(ctx, element+".click()")
	return err
}

// Fill types into an input.
func (p *Page) Fill(ctx context.Context, selector, text string) error {
	element := fmt.Sprintf("document.querySelector(%q)", selector)
	if err := p.Wait(ctx, element); err != nil {
		return err
	}
	_, err := p.Run(ctx, fmt.Sprintf("{ const e = %s; e.value = %q; e.dispatchEvent(new Event('input', {bubbles: true})); }", element, text))
	return err
}

// Screenshot writes a picture of the page. Whole is all of it, not only what
// the screen shows.
func (p *Page) Screenshot(ctx context.Context, file string, whole bool) error {
	params := map[string]any{"format": "png"}
	if whole {
		size, err := p.size(ctx)
		if err != nil {
			return err
		}
		params["captureBeyondViewport"], params["clip"] = true, size
	}
	raw, err := p.browser.call(ctx, p.session, "Page.captureScreenshot", params)
	if err != nil {
		return err
	}
	var out struct{ Data string }
	if err := json.Unmarshal(raw, &out); err != nil {
		return err
	}
	png, err := base64.StdEncoding.DecodeString(out.Data)
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}

// clip is a part of a page, in CSS pixels.
type clip struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Scale  float64 `json:"scale"`
}

// size is the whole page.
func (p *Page) size(ctx context.Context) (clip, error) {
	raw, err := p.browser.call(ctx, p.session, "Page.getLayoutMetrics", nil)
	var out struct{ CSSContentSize clip }
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	out.CSSContentSize.Scale = 1
	return out.CSSContentSize, err
}
