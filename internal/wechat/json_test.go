package wechat

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What can be decoded as it is, is; what can be decoded with its strings
// escaped, holds the same bytes in them.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"a":"b"}`, "{\"a\":\"b\x01\n\"}", `{"a":"\d \u12 \uD83D\ude00 \\"}`, "\xef\xbb\xbf[1]", "{\"a\":\"\\\n\"}", `{"a":"b\"}`, `"`, ``, "\x00", `<p>"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, want any
		err := decode(body, &got)
		if json.Unmarshal(trimBOM(body), &want) == nil {
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, %v; want %v", got, err, want)
			}
			return
		}
		mended := escapeStrings(trimBOM(body))
		if (err == nil) != json.Valid(mended) {
			t.Errorf("%q: %v", mended, err)
		}
		if again := escapeStrings(mended); string(again) != string(mended) {
			t.Errorf("%q became %q", mended, again)
		}
	})
}
