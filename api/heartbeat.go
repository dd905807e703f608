package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// heartbeatDoc is the answer to a heartbeat.
type heartbeatDoc struct {
	SeenAt *time.Time `json:"seenAt"` // by the database's clock
}

// heartbeat is POST /v1/heartbeat: the host's cron has run, whether or not
// anything was due.
func (s *Server) heartbeat(c echo.Context) error {
	ctx, cancel := call(c)
	defer cancel()
	at, err := s.Heartbeat(ctx)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, heartbeatDoc{moment(at)})
}
