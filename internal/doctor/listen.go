package doctor

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// listen tries the address of the API. One in use is no failure: a running pushd has it.
func (o Options) listen(ctx context.Context, r *report) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	switch {
	case err == nil:
		l.Close()
		r.ok("address", "%s is free", o.Listen)
	case errors.Is(err, syscall.EADDRINUSE):
		r.warn("address", "%s is in use, by a pushd that runs already or by another program; if by another, change PUSHD_LISTEN", o.Listen)
	default:
		r.fail("address", "PUSHD_LISTEN: %v", err)
	}
}
