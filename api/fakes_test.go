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

	"pushd/internal/fanout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	theKey   = "marked-key-1"
	otherKey = "marked-key-two"
	theJob   = "k3v9x0a1b2c3d4e5f6g7"
)

// noon is a moment on the database's clock: 2026-03-01 12:00:00 UTC.
const noon = fanout.Time(1772366400 * 1e6)

type fakeControl struct {
	PostFunc     func(fanout.Request) (fanout.Outcome, error)
	EstimateFunc func(fanout.Request) (fanout.Estimate, error)
	CommandFunc  func(name string, id fanout.JobID) (fanout.Job, error)
	RetryFunc    func(fanout.JobID, fanout.RetryRequest) (fanout.Job, error)
	PatchFunc    func(fanout.JobID, fanout.Patch) (fanout.Job, error)
}

func (f *fakeControl) Post(_ context.Context, r fanout.Request) (fanout.Outcome, error) {
	return f.PostFunc(r)
}
func (f *fakeControl) Estimate(_ context.Context, r fanout.Request) (fanout.Estimate, error) {
	return f.EstimateFunc(r)
}
func (f *fakeControl) Pause(_ context.Context, id fanout.JobID) (fanout.Job, error) {
	return f.CommandFunc("pause", id)
}
func (f *fakeControl) Resume(_ context.Context, id fanout.JobID) (fanout.Job, error) {
	return f.CommandFunc("resume", id)
}
func (f *fakeControl) Cancel(_ context.Context, id fanout.JobID) (fanout.Job, error) {
	return f.CommandFunc("cancel", id)
}
func (f *fakeControl) Retry(_ context.Context, id fanout.JobID, r fanout.RetryRequest) (fanout.Job, error) {
	return f.RetryFunc(id, r)
}
func (f *fakeControl) Patch(_ context.Context, id fanout.JobID, p fanout.Patch) (fanout.Job, error) {
	return f.PatchFunc(id, p)
}

type fakeJobs struct {
	JobFunc       func(fanout.JobID) (fanout.Job, error)
	JobsFunc      func(fanout.Filter) ([]fanout.Job, string, error)
	FailuresFunc  func(context.Context, []fanout.PersonState, func(fanout.Failure) error) error
	RecipientFunc func(fanout.OpenID) (fanout.Person, error)
	PositionFunc  func(fanout.JobID) (int, error)
	messages      []fanout.MessageVersion
}

func (f *fakeJobs) Job(_ context.Context, id fanout.JobID) (fanout.Job, error) { return f.JobFunc(id) }
func (f *fakeJobs) QueuePosition(_ context.Context, id fanout.JobID) (int, error) {
	return f.PositionFunc(id)
}
func (f *fakeJobs) Messages(context.Context, fanout.JobID) ([]fanout.MessageVersion, error) {
	return f.messages, nil
}
func (f *fakeJobs) Jobs(_ context.Context, filter fanout.Filter) ([]fanout.Job, string, error) {
	return f.JobsFunc(filter)
}
func (f *fakeJobs) Failures(ctx context.Context, _ fanout.JobID, states []fanout.PersonState, yield func(fanout.Failure) error) error {
	return f.FailuresFunc(ctx, states, yield)
}
func (f *fakeJobs) Recipient(_ context.Context, _ fanout.JobID, openID fanout.OpenID) (fanout.Person, error) {
	return f.RecipientFunc(openID)
}

type fakeComposer struct {
	view    fanout.TemplateView
	preview fanout.Preview
	err     error
	saved   fanout.Texts
	draft   *fanout.Texts
}

func (f *fakeComposer) Templates(context.Context, fanout.AppID) ([]fanout.TemplateView, error) {
	return []fanout.TemplateView{f.view}, f.err
}
func (f *fakeComposer) Template(context.Context, fanout.AppID, fanout.TemplateID) (fanout.TemplateView, error) {
	return f.view, f.err
}
func (f *fakeComposer) Save(_ context.Context, _ fanout.AppID, t fanout.Texts) (fanout.TemplateView, error) {
	f.saved = t
	return f.view, f.err
}
func (f *fakeComposer) Preview(_ context.Context, _ fanout.AppID, _ fanout.TemplateID, _ fanout.ActID, draft *fanout.Texts) (fanout.Preview, error) {
	f.draft = draft
	return f.preview, f.err
}
func (f *fakeComposer) Test(context.Context, fanout.AppID, fanout.TemplateID, fanout.ActID, fanout.OpenID) (*fanout.Message, error) {
	return f.preview.Message, f.err
}

// job is a job in some state, as the store gives it.
func job(state fanout.State) fanout.Job {
	total := int64(1000)
	return fanout.Job{
		ID: theJob, MsgID: "c3fdpwfcbpjxvd4o7rca", ActID: 42, AppID: "wx01", State: state, StartTime: 1772368200,
		CreatedAt: noon, Deadline: noon.Add(3600e9), Now: noon.Add(60e9), Leased: noon.Add(70e9),
		Walk:   fanout.Walk{Pages: 1, Walked: 800, Total: &total},
		Counts: fanout.Counts{Sent: 400, Errors: map[int]int64{43004: 2, fanout.CodeTimeout: 1}},
	}
}

// world is a server with everything around it, which tests change at will.
type world struct {
	control  fakeControl
	jobs     fakeJobs
	composer fakeComposer
	health   fanout.Health
	stats    fanout.Stats
	options  Options
	log      strings.Builder
}

// newWorld returns a world in which every call goes well.
func newWorld() *world {
	w := &world{health: fanout.Health{Status: fanout.OK}}
	w.control = fakeControl{
		PostFunc: func(fanout.Request) (fanout.Outcome, error) {
			return fanout.Outcome{Job: job(fanout.Queued)}, nil
		},
		EstimateFunc: func(fanout.Request) (fanout.Estimate, error) { return fanout.Estimate{}, nil },
		CommandFunc:  func(string, fanout.JobID) (fanout.Job, error) { return job(fanout.Paused), nil },
		RetryFunc: func(fanout.JobID, fanout.RetryRequest) (fanout.Job, error) {
			return job(fanout.Queued), nil
		},
		PatchFunc: func(fanout.JobID, fanout.Patch) (fanout.Job, error) { return job(fanout.Running), nil },
	}
	w.jobs = fakeJobs{
		JobFunc:      func(fanout.JobID) (fanout.Job, error) { return job(fanout.Running), nil },
		PositionFunc: func(fanout.JobID) (int, error) { return 3, nil },
		JobsFunc: func(fanout.Filter) ([]fanout.Job, string, error) {
			return []fanout.Job{job(fanout.Running), job(fanout.Queued)}, "", nil
		},
		FailuresFunc: func(context.Context, []fanout.PersonState, func(fanout.Failure) error) error { return nil },
		RecipientFunc: func(fanout.OpenID) (fanout.Person, error) {
			return fanout.Person{State: fanout.PersonSent}, nil
		},
	}
	message := &fanout.Message{TemplateID: "t1", Data: map[string]string{"thing1": "a"}}
	w.composer = fakeComposer{
		view: fanout.TemplateView{ID: "t1", Fields: []fanout.Field{{Key: "thing1", Label: "名称", Type: "thing", Limit: 20}},
			Texts: map[string]string{"thing1": "{{title}}"}},
		preview: fanout.Preview{Message: message, Lines: []fanout.PreviewLine{{Key: "thing1", Label: "名称", Value: "a"}},
			Warnings: []fanout.Warning{{Code: "value_cut", Field: "thing1", Text: "is cut"}}},
	}
	w.options = Options{
		Control: &w.control, Jobs: &w.jobs, Composer: &w.composer,
		Health: func() fanout.Health { return w.health },
		Stats:  func() fanout.Stats { return w.stats },
		Down:   func(err error) bool { return strings.Contains(err.Error(), "connection lost") },
		Keys:   []string{theKey, otherKey}, Version: "1.2.3",
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
func wantProblem(t *testing.T, rec *httptest.ResponseRecorder, status int, code fanout.ProblemCode, field string) problemDoc {
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
