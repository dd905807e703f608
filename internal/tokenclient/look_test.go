package tokenclient

import (
	"testing"
	"testing/synctest"
	"time"
)

// What people are shown of a token are its times, never the token.
func TestLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{URL: "http://127.0.0.1:1/token.php"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if v, ok := c.Look("wx"); ok {
			t.Errorf("an account that nobody met: %+v", v)
		}
		c.Offer("wx", "tok", 600*time.Second)
		time.Sleep(100 * time.Second)
		if v, ok := c.Look("wx"); !ok || v != (View{Age: 100 * time.Second, Rest: 500 * time.Second}) {
			t.Errorf("after 100 s: %+v, %v", v, ok)
		}
		time.Sleep(501 * time.Second)
		if v, _ := c.Look("wx"); v.Age != 0 || v.Rest != 0 {
			t.Errorf("after its life: %+v", v)
		}
	})
}
