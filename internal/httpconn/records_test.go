package httpconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// choppy gives what there is in pieces of its own.
type choppy struct {
	net.Conn
	data []byte
	cuts []byte
}

func (c *choppy) Read(b []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := min(len(b), len(c.data))
	if len(c.cuts) > 0 {
		n = min(n, int(c.cuts[0])+1)
		c.cuts = c.cuts[1:]
	}
	copy(b, c.data[:n])
	c.data = c.data[n:]
	return n, nil
}

// Whatever the bytes and however they come, TLS gets all of them, in order,
// and never any of two records at once.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x05hello\x17\x03\x03\x00\x00\x15\x03\x03\x00\x02xy"), []byte{0, 3, 200}, 7)
	f.Add(bytes.Repeat([]byte("\x17\x03\x03\x10\x00"), 2000), []byte{4}, 900)
	f.Add([]byte("not a record"), []byte{}, 1)
	f.Fuzz(func(t *testing.T, data, cuts []byte, size int) {
		c := &records{Conn: &choppy{data: data, cuts: cuts}}
		b := make([]byte, max(1, min(size, 5000)))
		var got []byte
		end := 0 // of the record that comes
		for {
			n, err := c.Read(b)
			if errors.Is(err, io.EOF) {
				break
			}
			if n == 0 || err != nil {
				t.Fatalf("read %d, %v", n, err)
			}
			if len(got) == end {
				end += recordHead
				if end <= len(data) {
					end += int(data[end-2])<<8 | int(data[end-1])
				}
			}
			if got = append(got, b[:n]...); len(got) > end {
				t.Fatalf("%d bytes of the next record", len(got)-end)
			}
		}
		if !bytes.Equal(got, data) || c.unread() {
			t.Errorf("got %d bytes of %d", len(got), len(data))
		}
	})
}

// pieces is a connection whose bytes come in the given pieces.
type pieces struct {
	net.Conn
	left [][]byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	return n, nil
}

// The head of a TLS record may come in two pieces, the second with the rest
// and the next record.
func TestRecords_HeadInTwoPieces(t *testing.T) {
	record := []byte{23, 3, 3, 0, 4, 'a', 'b', 'c', 'd'}
	want := append(bytes.Clone(record), record...)
	for cut := 1; cut < len(want); cut++ {
		c := &records{Conn: &pieces{left: [][]byte{bytes.Clone(want[:cut]), bytes.Clone(want[cut:])}}}
		var got []byte
		b := make([]byte, 64)
		for {
			n, err := c.Read(b)
			if got = append(got, b[:n]...); err != nil {
				break
			}
		}
		if !bytes.Equal(got, want) || c.left != 0 || c.had != 0 {
			t.Errorf("cut at %d: %v, left %d, had %d", cut, got, c.left, c.had)
		}
	}
}
