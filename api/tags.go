package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// tagDoc is a tag of an account's followers.
type tagDoc struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// tags is GET /v1/accounts/{appid}/tags.
func (s *Server) tags(c echo.Context) error {
	app, _, err := account(c)
	if err != nil {
		return err
	}
	ctx, cancel := asking(c)
	defer cancel()
	tags, err := s.Composer.Tags(ctx, app)
	if err != nil {
		return err
	}
	items := make([]tagDoc, 0, len(tags))
	for _, t := range tags {
		items = append(items, tagDoc(t))
	}
	return answer(c, http.StatusOK, map[string]any{"items": items})
}
