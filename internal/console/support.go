package console

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

// supportPage is GET /console/support.
func (c *Console) supportPage(v *visit) {
	c.show(v, http.StatusOK, "support", layout{Title: "support.title", Tab: "support"}, v.r.URL.Query().Get("job"))
}

// entry is a file of a support bundle.
type entry struct {
	name string
	data []byte
}

// bundle is POST /console/support: what whoever helps wants to know, in one file.
// It holds no key, no token and, unless they are asked for, no openid.
func (c *Console) bundle(v *visit) {
	ctx, cancel := asking(v.r)
	defer cancel()
	if _, err := v.api.Jobs(ctx, client.Filter{Limit: 1}); client.Status(err) == http.StatusUnauthorized {
		c.failed(v, "support.title", "support", err)
		return
	}
	var goroutines bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&goroutines, 1); err != nil {
		c.failed(v, "support.title", "support", err)
		return
	}
	entries := []entry{
		{"version.txt", c.versionText()},
		{"settings.txt", []byte(strings.Join(c.Settings, "\n") + "\n")},
		{"goroutines.txt", goroutines.Bytes()},
		{"log.txt", c.Recent()},
	}
	asked := []struct{ name, path string }{
		{"health.json", "/healthz"}, {"metrics.txt", "/metrics"},
		{"active.json", client.Filter{State: states(pushd.ActiveStates), Limit: lookAt}.Path()},
		{"ended.json", client.Filter{State: states(pushd.EndedStates), Limit: 50}.Path()},
	}
	job := strings.TrimSpace(v.r.PostForm.Get("job"))
	if job != "" {
		asked = append(asked, struct{ name, path string }{"job.json", client.JobPath(job)})
		if v.r.PostForm.Get("openids") == "1" {
			asked = append(asked, struct{ name, path string }{"recipients.ndjson", client.JobPath(job) + "/recipients?" + url.Values{"outcome": {"failed,unknown"}}.Encode()})
		}
	}
	for _, a := range asked {
		raw, err := v.api.Raw(ctx, http.MethodGet, a.path, nil)
		if err != nil && a.name == "health.json" { // a bad health is an answer, too
			var h client.Health
			if h, err = v.api.Health(ctx); err == nil {
				raw, err = json.MarshalIndent(h, "", "  ")
			}
		}
		if err != nil { // what is missing is said in its place
			raw = []byte(err.Error() + "\n")
		}
		entries = append(entries, entry{a.name, raw})
	}
	if v.r.PostForm.Get("openids") != "1" {
		for i := range entries {
			entries[i].data = openIDs.ReplaceAll(entries[i].data, []byte("[openid]"))
		}
	}
	at := v.o.Now().UTC()
	v.w.Header().Set("Content-Type", "application/gzip")
	v.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="pushd-support-%s.tar.gz"`, at.Format("20060102-150405")))
	if err := pack(v.w, at, entries); err != nil {
		panic(http.ErrAbortHandler) // a bundle that was cut off must not look whole
	}
}

// openIDs are texts that look like openids: an o and 27 more characters.
var openIDs = regexp.MustCompile(`\bo[A-Za-z0-9_-]{27}`)

// versionText says what runs, since what commit, with what.
func (c *Console) versionText() []byte {
	text := fmt.Sprintf("pushd %s\ninstance %s\ntime %s\n", c.Version, c.Instance, c.Now().Format(time.RFC3339))
	if info, ok := debug.ReadBuildInfo(); ok {
		text += info.String()
	}
	return []byte(text)
}

// pack writes a compressed archive.
func pack(w http.ResponseWriter, at time.Time, entries []entry) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, e := range entries {
		if err := t.WriteHeader(&tar.Header{Name: "pushd-support/" + e.name, Mode: 0o600, Size: int64(len(e.data)), ModTime: at}); err != nil {
			return err
		}
		if _, err := t.Write(e.data); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}
