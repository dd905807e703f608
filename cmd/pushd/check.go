package main

import "errors"

// checkCmd looks at everything that pushd serve depends on.
type checkCmd struct {
	Settings `embed:""`
	AppID    string `name:"appid" help:"Account to ask a token for, and to ask WeChat about."`
	ActID    int64  `name:"actid" help:"Channel to read, and to name to the token endpoint."`
}

// Run implements the command.
func (c *checkCmd) Run(a *app) error { return errors.New("not wired") }
