// Package loopback says which hosts only this machine can reach. What goes there
// need not be encrypted, and may be asked without a key.
package loopback

import (
	"net/netip"
	"strings"
)

// Host says whether name, a host without a port, is localhost or a loopback
// address. No name is looked up. The unspecified address is not loopback: it is
// where a server listens on all of them.
func Host(name string) bool {
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}
