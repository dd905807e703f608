package settings

import (
	"regexp"
	"strconv"
	"strings"

	"pushd"
)

// namedKey is a key with a name before it.
var namedKey = regexp.MustCompile(`^([A-Za-z0-9_-]{1,32}):(.*)$`)

// parseKeys reads a list of keys: key, or name:key, separated by commas. A key
// without a name is called by the word and its place.
func parseKeys(list, word string, readOnly bool) (keys []pushd.Key) {
	for i, part := range Split(list) {
		k := pushd.Key{Name: pushd.Actor(word + strconv.Itoa(i+1)), Secret: part, ReadOnly: readOnly}
		if m := namedKey.FindStringSubmatch(part); m != nil {
			k.Name, k.Secret = pushd.Actor(m[1]), m[2]
		}
		keys = append(keys, k)
	}
	return keys
}

func (s Settings) validateKeys(p *Problems) {
	for _, list := range []struct {
		name string
		set  Secret
	}{{"PUSHD_API_KEY", s.APIKey}, {"PUSHD_READ_KEY", s.ReadKey}} {
		keys := parseKeys(string(list.set), "key ", false)
		if list.set != "" && len(keys) == 0 {
			p.Add(list.name, "holds no key")
		}
		for _, key := range keys {
			validateKey(list.name, string(key.Name), key.Secret, p)
		}
	}
	if s.ReadKey != "" && s.APIKey == "" {
		p.Add("PUSHD_READ_KEY", "is set without PUSHD_API_KEY: no client could post a job")
	}
	for _, read := range parseKeys(string(s.ReadKey), "read", true) {
		for _, key := range parseKeys(string(s.APIKey), "key", false) {
			if read.Secret == key.Secret {
				p.Add("PUSHD_READ_KEY", "%s is the same as %s of PUSHD_API_KEY, which may do everything", read.Name, key.Name)
			}
		}
	}
	if s.TokenKey != "" {
		validateKey("PUSHD_TOKEN_KEY", "the key", string(s.TokenKey), p)
	}
}

// validateKey wants a key that is hard to guess and fits into a header.
func validateKey(name, which, key string, p *Problems) {
	if len(key) < keyMin {
		p.Add(name, "%s has %d characters; allowed: %d or more, for example from openssl rand -hex 16", which, len(key), keyMin)
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.Add(name, "%s holds a blank, a line break or a character beyond ASCII", which)
	}
}
