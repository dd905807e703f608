package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pushd"
)

// StateFile keeps the ledger's counter in a file of its own, so that a database
// that was restored from a copy is recognised. See housekeeping.CounterStore.
//
// Processes of one database may share the file: each keeps what it has seen
// itself, and the values differ by a few.
type StateFile struct{ dir string }

// stateName is the file's name in PUSHD_STATE_DIR.
const stateName = "ledger"

// stateMax is far more than a state file is long.
const stateMax = 4096

// stateDoc is what is in the file.
type stateDoc struct {
	Installation string    `json:"installation"`
	Counter      int64     `json:"counter"`
	RaisedAt     time.Time `json:"raisedAt"` // by the database's clock
}

// OpenState checks that a state file can be kept in dir.
func OpenState(dir string) (*StateFile, error) {
	f, err := os.CreateTemp(dir, stateName+".try-*")
	if err != nil {
		return nil, err
	}
	return &StateFile{dir}, errors.Join(f.Close(), os.Remove(f.Name()))
}

// Name is the path of the file.
func (s *StateFile) Name() string { return filepath.Join(s.dir, stateName) }

// Load implements housekeeping.CounterStore.
func (s *StateFile) Load() (pushd.Counter, error) {
	b, err := s.read()
	if errors.Is(err, fs.ErrNotExist) {
		return pushd.Counter{}, nil
	}
	var doc stateDoc
	if err == nil {
		err = json.Unmarshal(b, &doc)
	}
	if err == nil && (doc.Installation == "" || doc.Counter <= 0 || doc.RaisedAt.UnixMicro() <= 0) {
		err = errors.New("a value is missing")
	}
	if err != nil {
		return pushd.Counter{}, fmt.Errorf("%s: %w", s.Name(), err)
	}
	return pushd.Counter{Installation: doc.Installation, Value: doc.Counter, At: pushd.Time(doc.RaisedAt.UnixMicro())}, nil
}

func (s *StateFile) read() ([]byte, error) {
	f, err := os.Open(s.Name())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, stateMax))
}

// Save implements housekeeping.CounterStore. Whatever ends the process or the machine,
// the file has the old counter or the new one.
func (s *StateFile) Save(c pushd.Counter) error {
	b, err := json.Marshal(stateDoc{c.Installation, c.Value, c.At.Std()})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, stateName+".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.Name())
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(s.dir)
}

// syncDir makes a rename in dir outlast the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
