package main

import (
	"pushd/internal/doctor"
	"pushd/internal/settings"
)

// checkCmd looks at everything that pushd serve depends on.
type checkCmd struct {
	settings.Settings `embed:""`
	AppID             string `name:"appid" help:"Account to ask a token for, and to ask WeChat about."`
	Webhook           bool   `help:"Send a test message to PUSHD_WEBHOOK_URL."`
	ActID             int64  `name:"actid" help:"Channel to read, and to name to the token endpoint."`
}

// Run implements the command.
func (c *checkCmd) Run(a *app) error {
	if err := a.settled(c.Settings.Validate); err != nil {
		return err
	}
	if !doctor.Check(a.ctx, a.stdout, doctor.Options{Settings: c.Settings, AppID: c.AppID, ActID: c.ActID, Webhook: c.Webhook, Warnings: a.env.Warnings}) {
		return errSilent
	}
	return nil
}
