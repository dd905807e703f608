package loopback

import "testing"

func TestHost(t *testing.T) {
	for name, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example.com": false, "example.com": false, "127.0.0.1.example.com": false, "127.0.0.1:80": false,
	} {
		if Host(name) != want {
			t.Errorf("%q: %v, want %v", name, !want, want)
		}
	}
}
