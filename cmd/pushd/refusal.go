package main

import (
	"net/http"
	"net/url"

	"pushd/internal/settings"
)

// refusalCmd groups the commands about recipients who have refused a template.
type refusalCmd struct {
	Drop refusalDropCmd `cmd:"" help:"Have a recipient asked again who has refused."`
}

// refusalDropCmd drops what is remembered of one.
type refusalDropCmd struct {
	settings.Remote `embed:""`
	AppID           string `arg:"" name:"appid" help:"The Official Account."`
	OpenID          string `arg:"" name:"openid" help:"The recipient."`
}

// Run implements the command.
func (c *refusalDropCmd) Run(a *app) error {
	return answered(c.Remote, a, http.MethodDelete, "/v1/accounts/"+url.PathEscape(c.AppID)+"/refusals/"+url.PathEscape(c.OpenID), nil)
}
