package pushd

import (
	"errors"
	"testing"
)

func TestListCursor(t *testing.T) {
	want := ListCursor{CreatedAt: 1_900_000_000_000_001, ID: "01J"}
	if got, err := ParseListCursor(want.String()); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "%", "MQ", "eCB5", want.String() + "=", "1 01J"} {
		if got, err := ParseListCursor(text); !errors.Is(err, ErrCursor) || got != (ListCursor{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
