package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"pushd"
	"pushd/internal/compose"
	"pushd/internal/control"
	"pushd/internal/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	theKey   = "marked-key-1"
	otherKey = "marked-key-two"
	readKey  = "marked-key-three"
	// callbackSecret is what the callbacks' tokens derive from.
	callbackSecret = "MARKEDCALLBACKSECRET"
	theJob         = "k3v9x0a1b2c3d4e5f6g7"
)

// noon is a moment on the database's clock: 2026-03-01 12:00:00 UTC.
const noon = pushd.Time(1772366400 * 1e6)

type fakeControl struct {
	PostFunc     func(pushd.Request) (pushd.Outcome, error)
	EstimateFunc func(pushd.Request) (pushd.Estimate, error)
	CommandFunc  func(name string, id pushd.JobID) (pushd.Job, error)
	RetryFunc    func(pushd.JobID, pushd.RetryRequest) (pushd.Job, error)
	PatchFunc    func(pushd.JobID, pushd.Patch) (pushd.Job, error)
	HoldFunc     func(name string, by pushd.Actor, appID pushd.AppID, reason string) (control.Holding, error)
}

func (f *fakeControl) Hold(ctx context.Context, appID pushd.AppID, reason string) (control.Holding, error) {
	return f.HoldFunc("hold", pushd.ActorOf(ctx), appID, reason)
}
func (f *fakeControl) Lift(ctx context.Context, appID pushd.AppID) (control.Holding, error) {
	return f.HoldFunc("lift", pushd.ActorOf(ctx), appID, "")
}
func (f *fakeControl) Holding(ctx context.Context, appID pushd.AppID) (control.Holding, error) {
	return f.HoldFunc("look", pushd.ActorOf(ctx), appID, "")
}

func (f *fakeControl) Post(_ context.Context, r pushd.Request) (pushd.Outcome, error) {
	return f.PostFunc(r)
}
func (f *fakeControl) Estimate(_ context.Context, r pushd.Request) (pushd.Estimate, error) {
	return f.EstimateFunc(r)
}
func (f *fakeControl) Pause(_ context.Context, id pushd.JobID) (pushd.Job, error) {
	return f.CommandFunc("pause", id)
}
func (f *fakeControl) Resume(_ context.Context, id pushd.JobID) (pushd.Job, error) {
	return f.CommandFunc("resume", id)
}
func (f *fakeControl) Cancel(_ context.Context, id pushd.JobID) (pushd.Job, error) {
	return f.CommandFunc("cancel", id)
}
func (f *fakeControl) Retry(_ context.Context, id pushd.JobID, r pushd.RetryRequest) (pushd.Job, error) {
	return f.RetryFunc(id, r)
}
func (f *fakeControl) Patch(_ context.Context, id pushd.JobID, p pushd.Patch) (pushd.Job, error) {
	return f.PatchFunc(id, p)
}

type fakeJobs struct {
	JobFunc       func(pushd.JobID) (pushd.Job, error)
	JobsFunc      func(pushd.Filter) ([]pushd.Job, string, error)
	FailuresFunc  func(context.Context, []pushd.PersonState, func(pushd.Failure) error) error
	RecipientFunc func(pushd.OpenID) (pushd.Recipient, error)
	PositionFunc  func(pushd.JobID) (int, error)
	messages      []pushd.MessageVersion
	receipts      map[pushd.JobID]pushd.ReceiptCounts
	receiptsErr   error
	EventsFunc    func(pushd.EventFilter) ([]pushd.Event, string, error)
}

func (f *fakeJobs) Events(_ context.Context, filter pushd.EventFilter) ([]pushd.Event, string, error) {
	return f.EventsFunc(filter)
}

func (f *fakeJobs) Job(_ context.Context, id pushd.JobID) (pushd.Job, error) { return f.JobFunc(id) }
func (f *fakeJobs) QueuePosition(_ context.Context, id pushd.JobID) (int, error) {
	return f.PositionFunc(id)
}
func (f *fakeJobs) Messages(context.Context, pushd.JobID) ([]pushd.MessageVersion, error) {
	return f.messages, nil
}
func (f *fakeJobs) ReceiptSums(context.Context, []pushd.JobID) (map[pushd.JobID]pushd.ReceiptCounts, error) {
	return f.receipts, f.receiptsErr
}
func (f *fakeJobs) Jobs(_ context.Context, filter pushd.Filter) ([]pushd.Job, string, error) {
	return f.JobsFunc(filter)
}
func (f *fakeJobs) Failures(ctx context.Context, _ pushd.JobID, states []pushd.PersonState, yield func(pushd.Failure) error) error {
	return f.FailuresFunc(ctx, states, yield)
}
func (f *fakeJobs) Recipient(_ context.Context, _ pushd.JobID, openID pushd.OpenID) (pushd.Recipient, error) {
	return f.RecipientFunc(openID)
}

type fakeComposer struct {
	view    control.TemplateView
	preview control.Preview
	err     error
	saved   pushd.Texts
	draft   *pushd.Texts
}

func (f *fakeComposer) Tags(context.Context, pushd.AppID) ([]pushd.Tag, error) {
	return []pushd.Tag{{ID: 101, Name: "铁粉", Count: 12}}, f.err
}
func (f *fakeComposer) Templates(context.Context, pushd.AppID) ([]control.TemplateView, error) {
	return []control.TemplateView{f.view}, f.err
}
func (f *fakeComposer) Template(context.Context, pushd.AppID, pushd.TemplateID) (control.TemplateView, error) {
	return f.view, f.err
}
func (f *fakeComposer) Save(_ context.Context, _ pushd.AppID, t pushd.Texts) (control.TemplateView, error) {
	f.saved = t
	return f.view, f.err
}
func (f *fakeComposer) Preview(_ context.Context, _ pushd.AppID, _ pushd.TemplateID, _ pushd.ActID, draft *pushd.Texts) (control.Preview, error) {
	f.draft = draft
	return f.preview, f.err
}
func (f *fakeComposer) Test(_ context.Context, _ pushd.AppID, _ pushd.TemplateID, _ pushd.ActID, draft *pushd.Texts, _ pushd.OpenID) (*pushd.Message, error) {
	f.draft = draft
	return f.preview.Message, f.err
}

// job is a job in some state, as the store gives it.
func job(state pushd.State) pushd.Job {
	total := int64(1000)
	return pushd.Job{
		ID: theJob, MsgID: "c3fdpwfcbpjxvd4o7rca", ActID: 42, AppID: "wx01", State: state, StartTime: 1772368200,
		CreatedAt: noon, Deadline: noon.Add(3600e9), Now: noon.Add(60e9), Leased: noon.Add(70e9),
		Walk:   pushd.Walk{Pages: 1, Walked: 800, Total: &total},
		Counts: pushd.Counts{Sent: 400, Errors: map[int]int64{43004: 2, pushd.CodeTimeout: 1}},
	}
}

// world is a server with everything around it, which tests change at will.
type world struct {
	control  fakeControl
	jobs     fakeJobs
	composer fakeComposer
	health   pushd.Health
	stats    pushd.Stats
	options  Options
	taken    []pushd.Reported
	log      strings.Builder
}

// newWorld returns a world in which every call goes well.
func newWorld() *world {
	w := &world{health: pushd.Health{Status: pushd.OK}}
	w.control = fakeControl{
		PostFunc: func(pushd.Request) (pushd.Outcome, error) {
			return pushd.Outcome{Job: job(pushd.Queued)}, nil
		},
		EstimateFunc: func(pushd.Request) (pushd.Estimate, error) { return pushd.Estimate{}, nil },
		CommandFunc:  func(string, pushd.JobID) (pushd.Job, error) { return job(pushd.Paused), nil },
		RetryFunc: func(pushd.JobID, pushd.RetryRequest) (pushd.Job, error) {
			return job(pushd.Queued), nil
		},
		PatchFunc: func(pushd.JobID, pushd.Patch) (pushd.Job, error) { return job(pushd.Running), nil },
		HoldFunc: func(string, pushd.Actor, pushd.AppID, string) (control.Holding, error) {
			return control.Holding{}, nil
		},
	}
	w.jobs = fakeJobs{
		JobFunc:      func(pushd.JobID) (pushd.Job, error) { return job(pushd.Running), nil },
		PositionFunc: func(pushd.JobID) (int, error) { return 3, nil },
		JobsFunc: func(pushd.Filter) ([]pushd.Job, string, error) {
			return []pushd.Job{job(pushd.Running), job(pushd.Queued)}, "", nil
		},
		EventsFunc: func(pushd.EventFilter) ([]pushd.Event, string, error) {
			return []pushd.Event{
				{ID: 1, At: noon, Last: noon + 5_000_000, Times: 3, Job: theJob, AppID: "wx01", Kind: pushd.EventParked, By: "a", Reason: pushd.WeChatDown,
					Detail: "busy", Figures: map[string]int64{"until": 5}},
				{ID: 2, At: noon, Last: noon, Times: 1, Kind: pushd.EventLifted},
			}, "c2", nil
		},
		FailuresFunc: func(context.Context, []pushd.PersonState, func(pushd.Failure) error) error { return nil },
		RecipientFunc: func(pushd.OpenID) (pushd.Recipient, error) {
			return pushd.Recipient{Person: pushd.Person{State: pushd.PersonSent}}, nil
		},
	}
	message := &pushd.Message{TemplateID: "t1", Data: map[string]string{"thing1": "a"}}
	w.composer = fakeComposer{
		view: control.TemplateView{ID: "t1", Fields: []compose.Field{{Key: "thing1", Label: "名称", Type: "thing", Limit: 20}},
			Texts: map[string]string{"thing1": "{{title}}"}},
		preview: control.Preview{Message: message, Lines: []control.PreviewLine{{Key: "thing1", Label: "名称", Value: "a"}},
			Warnings: []control.Warning{{Code: "value_cut", Field: "thing1", Text: "is cut"}}},
	}
	w.options = Options{
		Control: &w.control, Jobs: &w.jobs, Composer: &w.composer,
		Sources: metrics.Sources{
			Health: func() pushd.Health { return w.health },
			Stats:  func() pushd.Stats { return w.stats },
		},
		Receipts: func(r pushd.Reported) bool {
			w.taken = append(w.taken, r)
			return true
		},
		CallbackSecret: callbackSecret,
		Down:           func(err error) bool { return strings.Contains(err.Error(), "connection lost") },
		Keys:           []pushd.Key{{Name: "key1", Secret: theKey}, {Name: "key2", Secret: otherKey}, {Name: "reader", Secret: readKey, ReadOnly: true}}, Version: "1.2.3",
		Logger: slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	return w
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// request makes a request with the key.
func request(method, path, contentType, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Authorization", "Bearer "+theKey)
	return r
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder { return record(New(w.options), r) }

func record(s *Server, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec
}

func (w *world) get(path string) *httptest.ResponseRecorder {
	return w.serve(request("GET", path, "", ""))
}

func (w *world) postJSON(path, body string) *httptest.ResponseRecorder {
	return w.serve(request("POST", path, asJSON, body))
}

// decode reads an answer's JSON.
func decode[T any](t *testing.T, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil {
		t.Fatalf("answer %d is not the JSON expected: %v\n%s", rec.Code, err, rec.Body)
	}
	return v
}

// wantProblem checks a refusal.
func wantProblem(t *testing.T, rec *httptest.ResponseRecorder, status int, code pushd.ProblemCode, field string) problemDoc {
	t.Helper()
	if got := rec.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type %q, want application/problem+json; answer %d %s", got, rec.Code, rec.Body)
	}
	d := decode[problemDoc](t, rec)
	if rec.Code != status || d.Status != status || d.Code != code || d.Field != field {
		t.Errorf("got %d %s\nwant %d %s, field %q", rec.Code, rec.Body, status, code, field)
	}
	if d.Detail == "" || d.Title == "" {
		t.Errorf("refusal without words: %s", rec.Body)
	}
	return d
}

// everyReceipt lists one recipient with each receipt.
func everyReceipt(_ context.Context, _ []pushd.PersonState, yield func(pushd.Failure) error) error {
	for _, f := range []pushd.Failure{
		{OpenID: "oNone"}, {OpenID: "oDelivered", Receipt: pushd.ReceiptDelivered}, {OpenID: "oBlocked", Receipt: pushd.ReceiptBlocked},
		{OpenID: "oFreq", Receipt: pushd.ReceiptFreqLimit}, {OpenID: "oSystem", Receipt: pushd.ReceiptSystemFailed}, {OpenID: "oOther", Receipt: pushd.ReceiptOther},
	} {
		f.State, f.Page = pushd.PersonSent, 1
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}
