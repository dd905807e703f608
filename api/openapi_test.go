package api

import (
	"bytes"
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"pushd"
)

// contract reads openapi.yaml. Callers must put up with members they do not
// know, tests must not: the schemas of answers are closed here.
func contract(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(OpenAPI))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	for _, s := range doc.Components.Schemas {
		if len(s.Value.Properties) > 0 {
			s.Value.AdditionalProperties.Has = openapi3.Ptr(false)
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

func TestOpenAPI_RoutesAreTheServers(t *testing.T) {
	doc, _ := contract(t)
	var written, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			written = append(written, method+" "+path)
		}
	}
	params := regexp.MustCompile(`:(\w+)`)
	for _, r := range New(newWorld().options).echo.Routes() {
		served = append(served, r.Method+" "+params.ReplaceAllString(r.Path, "{$1}"))
	}
	slices.Sort(written)
	slices.Sort(served)
	if !slices.Equal(written, served) {
		t.Errorf("openapi.yaml has\n%s\nthe server has\n%s", strings.Join(written, "\n"), strings.Join(served, "\n"))
	}
}

// codes reads the constants of type ProblemCode out of a file.
func codes(t *testing.T, file string) []string { return constants(t, file, "ProblemCode") }

// constants reads those of a type of text out of a file.
func constants(t *testing.T, file, kind string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		name := ""
		switch typ := spec.Type.(type) {
		case *ast.Ident:
			name = typ.Name
		case *ast.SelectorExpr:
			name = typ.Sel.Name
		}
		if name == kind {
			text, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			all = append(all, text)
		}
		return true
	})
	return all
}

// The reasons of refusals are what the contract says, and nothing else.
func TestOpenAPI_EveryReasonIsDocumented(t *testing.T) {
	doc, _ := contract(t)
	schema := doc.Components.Schemas["Problem"].Value.Properties["reason"].Value
	var written []string
	for _, v := range schema.Enum {
		written = append(written, v.(string))
	}
	all := constants(t, "../why.go", "WhyWord")
	slices.Sort(all)
	slices.Sort(written)
	if len(all) < 10 || !slices.Equal(all, written) {
		t.Errorf("openapi.yaml has\n%v\nthe code has\n%v", written, all)
	}
	for _, word := range all {
		if !strings.Contains(schema.Description, "| "+word+" | ") {
			t.Errorf("the table of reasons lacks %s", word)
		}
	}
}

func TestOpenAPI_EveryCodeIsDocumented(t *testing.T) {
	doc, _ := contract(t)
	all := append(codes(t, "problem.go"), codes(t, "../problem.go")...)
	if len(all) < 20 {
		t.Fatalf("found only %v", all)
	}
	schema := doc.Components.Schemas["Problem"].Value.Properties["code"].Value
	var written []string
	for _, v := range schema.Enum {
		written = append(written, v.(string))
	}
	slices.Sort(all)
	slices.Sort(written)
	if !slices.Equal(all, written) {
		t.Errorf("openapi.yaml has\n%v\nthe code has\n%v", written, all)
	}
	for _, code := range all {
		r, ok := refusals[pushd.ProblemCode(code)]
		if !ok {
			t.Errorf("%s has no status", code)
		}
		if !regexp.MustCompile(`\| ` + code + ` \| .*` + strconv.Itoa(r.status)).MatchString(schema.Description) {
			t.Errorf("the table of codes lacks %s with %d", code, r.status)
		}
	}
}

// validate holds one exchange against the contract.
func validate(t *testing.T, router routers.Router, r *http.Request, body string, rec *httptest.ResponseRecorder) {
	t.Helper()
	route, params, err := router.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	r.Body = http.NoBody
	if body != "" {
		r = r.Clone(context.Background())
		r.Body = readCloser{strings.NewReader(body)}
		r.ContentLength = int64(len(body))
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	}
	// Forms are described, but no library reads PHP's brackets.
	if rec.Code < 400 && r.Header.Get("Content-Type") != asForm {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Errorf("%s %s is accepted, but not by the contract: %v", r.Method, r.URL, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: rec.Code, Header: rec.Header(), Options: in.Options,
	}
	out.SetBodyBytes(bytes.Clone(rec.Body.Bytes()))
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Errorf("%s %s: %d is not in the contract: %v\n%s", r.Method, r.URL, rec.Code, err, rec.Body)
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func TestOpenAPI_AnswersFollowIt(t *testing.T) {
	doc, router := contract(t)
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
	defer openapi3filter.UnregisterBodyDecoder("application/x-ndjson")
	openapi3filter.RegisterBodyDecoder("text/xml", openapi3filter.FileBodyDecoder)
	defer openapi3filter.UnregisterBodyDecoder("text/xml")

	full := job(pushd.Running)
	full.Prepared.Message = &pushd.Message{
		TemplateID: "t", URL: "https://live.example.com?a=1&b=2",
		MiniProgram: &pushd.MiniProgram{AppID: "wx02", PagePath: "p"}, Data: map[string]string{"thing1": "a"},
	}
	full.SendRate, full.Rate, full.QuotaRemain, full.Shortfall = 12.34, 100, openapi3.Ptr(int64(5)), openapi3.Ptr(int64(0))
	full.StartedAt, full.Detail, full.Reason = noon, "d", pushd.WeChatDown
	ended := job(pushd.Failed)
	ended.FinishedAt, ended.Reason = noon, pushd.WalkIncomplete
	conflict := &pushd.Problem{Code: pushd.CodeJobEnded, Text: "it failed", Job: &ended}

	path := "/v1/jobs/" + theJob
	cases := []struct {
		name, method, path, body string
		status                   int
		set                      func(*world)
	}{
		{"post", "POST", "/v1/jobs", `{"actid":"42","appid":"wx01","secret":{"any":1},"accessToken":"t","data":{"thing1":"a","time2":{"value":3}},"dryRun":"0"}`, 202, nil},
		{"post existing", "POST", "/v1/jobs", `{"actid":42,"appid":"wx01","rate":null}`, 200, func(w *world) {
			w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) {
				return pushd.Outcome{Job: full, Existing: true}, nil
			}
		}},
		{"dry run", "POST", "/v1/jobs", `{"actid":42,"appid":"wx01","dryRun":true}`, 200, func(w *world) {
			w.control.EstimateFunc = func(pushd.Request) (pushd.Estimate, error) {
				return pushd.Estimate{Total: openapi3.Ptr(int64(9)), Message: full.Prepared.Message, Problems: []pushd.Problem{*conflict}}, nil
			}
		}},
		{"dry run without knowledge", "POST", "/v1/jobs", `{"actid":42,"appid":"wx01","dryRun":true}`, 200, nil},
		{"post ended", "POST", "/v1/jobs", `{"actid":42,"appid":"wx01"}`, 409, func(w *world) {
			w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) { return pushd.Outcome{}, conflict }
		}},
		{"heartbeat", "POST", "/v1/heartbeat", "", 200, func(w *world) {
			w.options.Heartbeat = func(context.Context) (pushd.Time, error) { return noon, nil }
		}},
		{"heartbeat without a database", "POST", "/v1/heartbeat", "", 503, func(w *world) {
			w.options.Heartbeat = func(context.Context) (pushd.Time, error) { return 0, errors.New("connection lost") }
		}},
		{"heartbeat without a key", "POST", "/v1/heartbeat", "", 401, func(w *world) { w.options.Keys = []pushd.Key{{Secret: "another"}} }},
		{"drop a refusal", "DELETE", "/v1/accounts/wx01/refusals/oA-_1", "", 200, func(w *world) {
			w.options.DropRefusal = func(_ context.Context, app pushd.AppID, who pushd.OpenID) (bool, error) {
				return app == "wx01" && who == "oA-_1", nil
			}
		}},
		{"drop a refusal of no openid", "DELETE", "/v1/accounts/wx01/refusals/o%20A", "", 404, nil},
		{"drop a refusal without a database", "DELETE", "/v1/accounts/wx01/refusals/oA", "", 503, func(w *world) {
			w.options.DropRefusal = func(context.Context, pushd.AppID, pushd.OpenID) (bool, error) {
				return false, errors.New("connection lost")
			}
		}},
		{"receipt", "POST", "/v1/receipts?appid=wx01", receiptXML("oA1", "success"), 200, nil},
		{"receipt with nothing to take it", "POST", "/v1/receipts?appid=wx01", receiptXML("oA1", "success"), 503, func(w *world) { w.options.Receipts = nil }},
		{"receipt with a bad signature", "POST", "/v1/receipts?appid=wx01&signature=00&timestamp=1&nonce=n", receiptXML("oA1", "success"), 403, nil},
		{"receipt that is encrypted", "POST", "/v1/receipts?appid=wx01", "<xml><Encrypt>x</Encrypt></xml>", 422, nil},
		{"receipt that is none", "POST", "/v1/receipts?appid=wx01", "<xml><Event>TEMPLATESENDJOBFINISH", 400, nil},
		{"post draining", "POST", "/v1/jobs", `{"actid":42,"appid":"wx01"}`, 503, func(w *world) {
			w.options.Draining = func() bool { return true }
		}},
		{"post without a key", "POST", "/v1/jobs", `{"actid":42,"appid":"wx01"}`, 401, func(w *world) { w.options.Keys = []pushd.Key{{Secret: "another"}} }},
		{"list", "GET", "/v1/jobs?state=running,queued&limit=2&since=1772366400&actid=42&appid=wx01", "", 200, nil},
		{"empty list", "GET", "/v1/jobs", "", 200, func(w *world) {
			w.jobs.JobsFunc = func(pushd.Filter) ([]pushd.Job, string, error) { return nil, "abc", nil }
		}},
		{"bad list", "GET", "/v1/jobs?state=x", "", 422, nil},
		{"show, staging", "GET", path, "", 200, func(w *world) { w.options.OnlyOpenIDs = 2 }},
		{"show", "GET", path, "", 200, func(w *world) {
			w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return full, nil }
		}},
		{"show ended", "GET", path, "", 200, func(w *world) {
			w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return ended, nil }
		}},
		{"show nothing", "GET", path, "", 404, func(w *world) {
			w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return pushd.Job{}, pushd.ErrNotFound }
		}},
		{"show panic", "GET", path, "", 500, func(w *world) { w.jobs.JobFunc = nil }},
		{"pause", "POST", path + "/pause", "", 200, nil},
		{"resume", "POST", path + "/resume", "{}", 200, nil},
		{"cancel", "POST", path + "/cancel", "", 200, nil},
		{"cancel ended", "POST", path + "/cancel", "", 409, func(w *world) {
			w.control.CommandFunc = func(string, pushd.JobID) (pushd.Job, error) { return pushd.Job{}, conflict }
		}},
		{"retry", "POST", path + "/retry", `{"acceptDuplicates":1}`, 202, nil},
		{"patch", "PATCH", path, `{"rate":0,"deadline":"1772370000"}`, 200, nil},
		{"failures", "GET", path + "/failures", "", 200, nil},
		{"failures as CSV", "GET", path + "/failures?outcome=failed,skipped&format=csv", "", 200, nil},
		{"failures purged", "GET", path + "/failures", "", 410, func(w *world) {
			w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return pushd.Job{ID: theJob, PurgedAt: noon}, nil }
		}},
		{"recipients", "GET", path + "/recipients?outcome=sent", "", 200, nil},
		{"recipients by receipt", "GET", path + "/recipients?receipt=blocked,undelivered", "", 200, nil},
		{"recipient with a receipt", "GET", path + "/recipients/oA1", "", 200, func(w *world) {
			w.jobs.RecipientFunc = func(pushd.OpenID) (pushd.Recipient, error) {
				return pushd.Recipient{Person: pushd.Person{State: pushd.PersonSent}, Receipt: pushd.ReceiptBlocked}, nil
			}
		}},
		{"show receipts", "GET", path, "", 200, func(w *world) {
			w.jobs.receipts = map[pushd.JobID]pushd.ReceiptCounts{theJob: {Delivered: 5, Blocked: 1, SystemFailed: 2}}
		}},
		{"show without receipts", "GET", path, "", 200, func(w *world) { w.jobs.receiptsErr = errors.New("connection lost") }},
		{"recipient", "GET", path + "/recipients/oA1", "", 200, nil},
		{"recipient unknown", "GET", path + "/recipients/oA1", "", 404, func(w *world) {
			w.jobs.RecipientFunc = func(pushd.OpenID) (pushd.Recipient, error) { return pushd.Recipient{}, pushd.ErrNotFound }
		}},
		{"events", "GET", "/v1/events?since=2026-03-01T00:00:00Z&limit=2&appid=wx01", "", 200, nil},
		{"events of a job", "GET", path + "/events?limit=200&cursor=c", "", 200, nil},
		{"no events", "GET", "/v1/events", "", 200, func(w *world) {
			w.jobs.EventsFunc = func(pushd.EventFilter) ([]pushd.Event, string, error) { return nil, "", nil }
		}},
		{"hold", "PUT", "/v1/hold", `{"reason":"a drill"}`, 200, everythingHeld},
		{"held", "GET", "/v1/hold", "", 200, nil},
		{"lift", "DELETE", "/v1/hold", "", 200, nil},
		{"hold an account", "PUT", "/v1/accounts/wx01/hold", "", 200, everythingHeld},
		{"account held", "GET", "/v1/accounts/wx01/hold", "", 200, nil},
		{"lift an account's", "DELETE", "/v1/accounts/wx01/hold", "", 200, nil},
		{"tags", "GET", "/v1/accounts/wx01/tags", "", 200, nil},
		{"templates", "GET", "/v1/accounts/wx01/templates", "", 200, nil},
		{"templates without a token", "GET", "/v1/accounts/wx01/templates", "", 503, func(w *world) {
			w.composer.err = &pushd.Problem{Code: pushd.CodeTokenUnavailable, Text: "PHP is down"}
		}},
		{"template", "GET", "/v1/accounts/wx01/templates/t1", "", 200, nil},
		{"save template", "PUT", "/v1/accounts/wx01/templates/t1", `{"content":"名称:{{thing1.DATA}}","fields":{"thing1":"{{title}}"},"url":"{{url}}"}`, 200, nil},
		{"preview", "POST", "/v1/accounts/wx01/templates/t1/preview", `{"actid":"42","fields":{"thing1":"a"}}`, 200, nil},
		{"test message", "POST", "/v1/accounts/wx01/templates/t1/test", `{"actid":42,"openid":"oA1"}`, 200, nil},
		{"test refused", "POST", "/v1/accounts/wx01/templates/t1/test", `{"actid":42,"openid":"oA1"}`, 502, func(w *world) {
			w.composer.err = &pushd.Problem{Code: pushd.CodeWeChatRefused, Text: "48001"}
		}},
		{"openapi", "GET", "/v1/openapi.yaml", "", 200, nil},
		{"health", "GET", "/healthz", "", 200, func(w *world) {
			w.health.Parts = []pushd.HealthPart{{Name: "database", Status: pushd.OK, Text: "t"}}
		}},
		{"health down", "GET", "/healthz", "", 503, func(w *world) { w.health.Status = pushd.Down }},
		{"health head", "HEAD", "/healthz", "", 200, nil},
		{"ready", "GET", "/readyz", "", 200, nil},
		{"not ready", "GET", "/readyz", "", 503, func(w *world) { w.health.Draining = true }},
		{"metrics", "GET", "/metrics", "", 200, nil},
	}
	answered := map[*openapi3.Operation]bool{}
	for _, c := range cases {
		if route, _, err := router.FindRoute(request(c.method, c.path, "", "")); err == nil && c.status < 300 {
			answered[route.Operation] = true
		}
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			if c.set != nil {
				c.set(w)
			}
			contentType := ""
			if c.body != "" {
				contentType = asJSON
			}
			if strings.HasPrefix(c.body, "<") {
				contentType = asXML
			}
			r := request(c.method, c.path, contentType, c.body)
			rec := w.serve(r)
			if rec.Code != c.status {
				t.Fatalf("answered %d %s, want %d", rec.Code, rec.Body, c.status)
			}
			validate(t, router, r, c.body, rec)
		})
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !answered[op] && method != http.MethodHead {
				t.Errorf("no case has %s %s answered well", method, path)
			}
		}
	}
	for _, b := range badRequests {
		if b.status == 405 || b.code == codeNotFound {
			continue // not in the contract, by their nature
		}
		t.Run(b.name, func(t *testing.T) {
			method, path, contentType := b.line()
			r := request(method, path, contentType, b.body)
			if rec := newWorld().serve(r); rec.Code == b.status {
				validate(t, router, r, "", rec)
			}
		})
	}
}
