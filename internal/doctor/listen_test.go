package doctor

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"pushd/internal/settings"
)

func TestCheck_Address(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		address, want string
		good          bool
	}{
		{"127.0.0.1:0", "ok    address: 127.0.0.1:0 is free", true},
		{taken.Addr().String(), "warn  address: " + taken.Addr().String() + " is in use", true},
		{"192.0.2.1:8080", "fail  address: PUSHD_LISTEN: ", false}, // RFC 5737: no machine has it
	} {
		var out bytes.Buffer
		r := &report{w: &out}
		Options{Settings: settings.Settings{Listening: settings.Listening{Listen: c.address}}}.listen(t.Context(), r)
		if !strings.HasPrefix(out.String(), c.want) || r.failed == c.good {
			t.Errorf("%s: %s", c.address, out.String())
		}
	}
}
