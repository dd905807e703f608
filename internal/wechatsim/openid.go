package wechatsim

// naming turns the number of a follower into an openid and back, so that
// five million followers need no memory. An openid is 28 characters: "o",
// five that all followers of the account share, six that hold the number
// scrambled, and sixteen that prove the rest.
type naming struct {
	key    uint64
	prefix [6]byte
}

const (
	openidLen = 28
	alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	halfBits  = 18
	halfMask  = 1<<halfBits - 1
)

func newNaming(seed uint64, appid string) naming {
	n := naming{key: mix(seed, number(appid))}
	n.prefix[0] = 'o'
	letters(n.prefix[1:1], mix(n.key, 1), 5)
	return n
}

// letters appends count characters of six bits each.
func letters(dst []byte, bits uint64, count int) []byte {
	for range count {
		dst = append(dst, alphabet[bits&63])
		bits >>= 6
	}
	return dst
}

// append appends the openid of follower i, 0 <= i < 1<<36.
func (n *naming) append(dst []byte, i int) []byte {
	dst = append(dst, n.prefix[:]...)
	dst = letters(dst, n.scramble(uint64(i)), 6)
	dst = letters(dst, mix(n.key, uint64(i), 2), 8)
	return letters(dst, mix(n.key, uint64(i), 3), 8)
}

// index returns the number of an openid that append made.
func (n *naming) index(openid []byte) (int, bool) {
	if len(openid) != openidLen || string(openid[:6]) != string(n.prefix[:]) {
		return 0, false
	}
	var bits uint64
	for k := 11; k >= 6; k-- {
		v, ok := digit(openid[k])
		if !ok {
			return 0, false
		}
		bits = bits<<6 | v
	}
	i := int(n.unscramble(bits))
	var want [openidLen]byte
	if string(n.append(want[:0], i)) != string(openid) {
		return 0, false
	}
	return i, true
}

func digit(c byte) (uint64, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return uint64(c - 'A'), true
	case 'a' <= c && c <= 'z':
		return uint64(c-'a') + 26, true
	case '0' <= c && c <= '9':
		return uint64(c-'0') + 52, true
	case c == '-':
		return 62, true
	case c == '_':
		return 63, true
	}
	return 0, false
}

// scramble is a permutation of the numbers below 1<<36: a Feistel network of
// four rounds.
func (n *naming) scramble(v uint64) uint64 {
	l, r := v>>halfBits, v&halfMask
	for round := range uint64(4) {
		l, r = r, l^n.round(round, r)
	}
	return l<<halfBits | r
}

func (n *naming) unscramble(v uint64) uint64 {
	l, r := v>>halfBits, v&halfMask
	for round := uint64(3); round < 4; round-- {
		l, r = r^n.round(round, l), l
	}
	return l<<halfBits | r
}

func (n *naming) round(round, half uint64) uint64 { return mix(n.key, round, half) & halfMask }
