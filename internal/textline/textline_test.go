package textline

import "testing"

func TestClean(t *testing.T) {
	for s, want := range map[string]string{
		"": "", " a  b ": "a b", "a\r\n\tb\x00c": "a b c", "直播\u0085开始": "直播 开始", "a\u3000b": "a b", "a\u202eb\u2066c": "a b c",
	} {
		if got := Clean(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		most int
		want string
		cut  bool
	}{
		{"abc", 3, "abc", false}, {"abcd", 3, "abc", true}, {"", 0, "", false}, {"直播", 6, "直播", false}, {"直播", 5, "直", true}, {"直播", 2, "", true},
	} {
		if got, cut := Cut(c.s, c.most); got != c.want || cut != c.cut {
			t.Errorf("%q to %d bytes: %q, %v; want %q, %v", c.s, c.most, got, cut, c.want, c.cut)
		}
	}
}
