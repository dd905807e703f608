package api

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"pushd"
)

// refusalDoc answers that a recipient is asked again.
type refusalDoc struct {
	AppID   pushd.AppID  `json:"appid"`
	OpenID  pushd.OpenID `json:"openid"`
	Removed bool         `json:"removed"`
}

// dropRefusal is DELETE /v1/accounts/{appid}/refusals/{openid}. Nothing that was
// remembered is no error: the host calls it for everyone who asks for messages.
func (s *Server) dropRefusal(c echo.Context) error {
	appID, _, err := account(c)
	if err != nil {
		return err
	}
	openID, err := url.PathUnescape(c.Param("openid"))
	if err != nil || !openIDPattern.MatchString(openID) {
		return problem(codeRecipientNotFound, "this can't be an openid")
	}
	ctx, cancel := call(c)
	defer cancel()
	removed, err := s.DropRefusal(ctx, appID, pushd.OpenID(openID))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, refusalDoc{appID, pushd.OpenID(openID), removed})
}
