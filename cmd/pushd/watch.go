package main

import (
	"context"
	"fmt"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/progress"
	"pushd/internal/settings"
)

// jobWatchCmd watches a job until it ends.
type jobWatchCmd struct {
	settings.Remote `embed:""`
	ID              string        `arg:"" help:"The job's id."`
	Every           time.Duration `default:"1s" help:"How often to look."`
}

// Run implements the command.
func (c *jobWatchCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	bar := &progress.Bar{W: a.stdout, Terminal: terminal(a.stdout)}
	job, err := watch(a.ctx, api, c.ID, max(c.Every, 100*time.Millisecond), bar)
	bar.Close()
	if err != nil {
		return err
	}
	printJob(a.stdout, job)
	if job.State != pushd.Succeeded {
		return errSilent
	}
	return nil
}

// watch looks at a job until it has ended. A pushd that does not answer is
// asked again, for ever: it is being restarted, and the job goes on.
func watch(ctx context.Context, api client.Client, id string, every time.Duration, bar *progress.Bar) (client.Job, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		job, err := api.Job(ctx, id)
		switch {
		case ctx.Err() != nil:
			return job, fmt.Errorf("watch job %s: interrupted; the job goes on", id)
		case client.Temporary(err):
			bar.Show("waiting: " + err.Error())
		case err != nil:
			return job, err
		default:
			bar.Draw(job, time.Now())
			if job.Ended() {
				return job, nil
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}
