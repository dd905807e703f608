package wechatsim

// callbacks sends an account's events to the platform.
type callbacks struct{}

func (*callbacks) sent(*Account, int, int64) {}
