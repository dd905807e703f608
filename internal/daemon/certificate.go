package daemon

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"
)

// certificate is the API's: two files, and what they held when they were last
// read. The zero value is none.
type certificate struct {
	cert, key string // files, PEM
	now       atomic.Pointer[tls.Certificate]
}

// read reads the files, and says whether they hold another certificate than
// before. Files that can't be used leave what there was.
func (c *certificate) read() (changed bool, err error) {
	next, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return false, fmt.Errorf("load the API's certificate: %w", err)
	}
	last := c.now.Swap(&next)
	return last == nil || !bytes.Equal(last.Leaf.Raw, next.Leaf.Raw), nil
}

// get gives it to whoever connects.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }

// ends is when it ends; zero if there is none.
func (c *certificate) ends() time.Time {
	if cert := c.now.Load(); cert != nil {
		return cert.Leaf.NotAfter
	}
	return time.Time{}
}
