package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

// command is a button of a job's page.
type command struct {
	Name string
	// Count is how many recipients it concerns, -1 where it concerns none.
	Count int64
	// Asks says that the button leads to a page that says what will happen,
	// because it can't be undone or wants more to be said.
	Asks bool
	// Grave marks what sends to recipients again, or never sends to them.
	Grave bool
	// Main marks what is most likely wanted.
	Main bool
}

// commandNames lists the commands that there are.
func commandNames() []string {
	return []string{"pause", "resume", "cancel", "retry", "continue", "restart", "rate", "deadline"}
}

// commands are the buttons that fit a job's state. Whether one is carried out is
// the API's to say: the job may have moved on.
func (v *visit) commands(j client.Job) []command {
	switch {
	case j.State == pushd.Paused:
		return []command{{Name: "resume", Count: left(j), Main: true}, {Name: "cancel", Count: left(j), Asks: true, Grave: true}}
	case j.State == pushd.Parked:
		return []command{{Name: "resume", Count: left(j)}, {Name: "pause", Count: left(j)}, {Name: "cancel", Count: left(j), Asks: true, Grave: true}}
	case j.State.Active():
		return []command{{Name: "pause", Count: left(j), Main: true}, {Name: "cancel", Count: left(j), Asks: true, Grave: true}}
	case j.State == pushd.Succeeded:
		return append(retries(j), command{Name: "restart", Count: people(j), Asks: true, Grave: true})
	}
	all := []command{{Name: "continue", Count: left(j), Asks: true, Main: true}}
	return append(append(all, retries(j)...), command{Name: "restart", Count: people(j), Asks: true, Grave: true})
}

func retries(j client.Job) []command {
	if j.Failed+j.Unknown == 0 {
		return nil
	}
	return []command{{Name: "retry", Count: j.Failed, Asks: true}}
}

// askView is a page that says what a command will do before it does.
type askView struct {
	Job      client.Job
	Command  command
	Deadline string // what the job's is, for an input
	Late     bool   // it is past
	Estimate *estimate
	Failure  *failure
}

// ask is GET /console/jobs/{id}/{command}.
func (c *Console) ask(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	j, ok := c.jobOf(ctx, v, "job.title")
	if !ok {
		return
	}
	for _, cmd := range v.commands(j) {
		if cmd.Name != v.r.PathValue("command") {
			continue
		}
		if c.keyOf(v.session).ReadOnly {
			c.sorry(v, http.StatusForbidden, "code.read_only_key")
			return
		}
		c.showAsk(ctx, v, http.StatusOK, j, cmd, nil)
		return
	}
	// The job has moved on, or there is no such command.
	http.Redirect(v.w, v.r, jobPage(j.ID), http.StatusSeeOther)
}

func (c *Console) showAsk(ctx context.Context, v *visit, status int, j client.Job, cmd command, why *failure) {
	view := askView{Job: j, Command: cmd, Deadline: v.local(j.Deadline), Failure: why}
	view.Late = j.Deadline != nil && !j.Deadline.After(v.o.Now())
	if cmd.Name == "continue" || cmd.Name == "restart" {
		view.Estimate = c.estimate(ctx, v, j, cmd.Name)
	}
	c.show(v, status, "ask", layout{Title: "command." + cmd.Name, Of: j.ID, Tab: "jobs"}, view)
}

func jobPage(id string) string { return strings.Replace(client.JobPath(id), "/v1/", Root, 1) }

// command is POST /console/jobs/{id}/{command}.
func (c *Console) command(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	id, name := v.r.PathValue("id"), v.r.PathValue("command")
	done, err := c.carryOut(ctx, v, id, name)
	if err == nil {
		back := jobPage(done.ID) + "?done=" + name
		switch {
		case v.r.PostForm.Get("then") == "text":
			back = jobPage(done.ID) + "/text"
		case v.r.PostForm.Get("back") == Root:
			back = Root
		}
		http.Redirect(v.w, v.r, back, http.StatusSeeOther)
		return
	}
	status, why := v.explain(err)
	j, err := v.api.Job(ctx, id)
	if err != nil {
		c.failed(v, "job.title", "jobs", err)
		return
	}
	for _, cmd := range v.commands(j) {
		if cmd.Name == name && cmd.Asks {
			c.showAsk(ctx, v, status, j, cmd, &why)
			return
		}
	}
	view := v.jobView(ctx, j)
	view.Failure = &why
	c.showJob(v, status, view)
}

// carryOut makes the call of the API that a command is.
func (c *Console) carryOut(ctx context.Context, v *visit, id, name string) (client.Job, error) {
	form := v.r.PostForm
	deadline, err := v.deadline(form.Get("deadline"))
	if err != nil {
		return client.Job{}, err
	}
	switch name {
	case "pause", "resume", "cancel":
		return v.api.Command(ctx, id, client.Command(name))
	case "retry":
		return v.api.Retry(ctx, id, client.Retry{AcceptDuplicates: form.Get("unknown") == "1", Deadline: deadline})
	case "continue", "restart":
		j, err := v.api.Job(ctx, id)
		if err != nil {
			return j, err
		}
		order := orderOf(j, name, form.Get("message") == "same")
		order.Deadline = deadline
		return v.api.Post(ctx, order)
	case "rate":
		rate, err := strconv.Atoi(strings.TrimSpace(form.Get("rate")))
		if err != nil {
			return client.Job{}, v.invalid("rate", "form.number")
		}
		return v.api.Patch(ctx, id, client.Patch{Rate: &rate})
	case "deadline":
		if deadline == 0 {
			return client.Job{}, v.invalid("deadline", "form.moment")
		}
		return v.api.Patch(ctx, id, client.Patch{Deadline: deadline})
	}
	return client.Job{}, &client.Problem{Status: http.StatusNotFound, Detail: v.t("error.nothing")}
}

// orderOf asks for a job's reminder once more, if that is still the job which the page
// has shown. same is the message as the job
// sent it; else it is made again from what the owner's texts say by now.
func orderOf(j client.Job, how string, same bool) client.Order {
	o := client.Order{ActID: j.ActID, AppID: j.AppID, Audience: j.Audience, Continue: how == "continue", Restart: how == "restart", Job: j.ID}
	if same && j.Message != nil {
		o.TemplateID, o.URL, o.Data = string(j.Message.TemplateID), j.Message.URL, j.Message.Data
		o.MiniProgram = j.Message.MiniProgram
	}
	return o
}

// deadline reads a moment from a form, in unix seconds; 0 where none is given.
func (v *visit) deadline(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	at, err := time.ParseInLocation(localForm, text, v.o.Location)
	if err != nil {
		return 0, v.invalid("deadline", "form.moment")
	}
	return at.Unix(), nil
}

// invalid refuses what a form says before the API is asked.
func (v *visit) invalid(field, word string) error {
	return &client.Problem{Status: http.StatusUnprocessableEntity, Code: pushd.CodeInvalid, Field: field, Detail: v.t(word)}
}
