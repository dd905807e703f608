package api

import (
	_ "embed" // for openapi.yaml
	"net/http"

	"github.com/labstack/echo/v4"
)

// OpenAPI is the contract, as GET /v1/openapi.yaml gives it.
//
//go:embed openapi.yaml
var OpenAPI string

func (s *Server) openapi(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml", []byte(OpenAPI))
}
