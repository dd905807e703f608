package pushd

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// MsgID is a client_msg_id: WeChat recognises a second message to a recipient
// by it, for ten minutes. It is 20 characters of [0-9a-z].
type MsgID string

// ReminderMsgID is the id of all messages of a run of a reminder. It follows
// from the reminder and not from the job, so that a database which has lost
// the job gives the same id when the reminder is posted again. salt tells one
// installation from another.
func ReminderMsgID(salt string, app AppID, act ActID, start int64, run int) MsgID {
	// The length in front of each text keeps two texts from being read as
	// two others.
	text := fmt.Sprintf("client_msg_id 1\n%d:%s\n%d:%s\n%d\n%d\n%d", len(salt), salt, len(app), app, act, start, run)
	sum := sha256.Sum256([]byte(text))
	return msgID(sum[:])
}

// NewMsgID draws the id of a message that belongs to no reminder.
func NewMsgID() MsgID {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return msgID(b)
}

// msgID writes the first 100 bits of b.
func msgID(b []byte) MsgID {
	return MsgID(strings.ToLower(base32.StdEncoding.EncodeToString(b))[:20])
}
