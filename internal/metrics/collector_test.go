package metrics

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"pushd"
)

// Names and labels are as documented, and the stats cover every field.
func TestCollector_Names(t *testing.T) {
	source, err := os.ReadFile("collector.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`desc\("(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 15 {
		t.Fatalf("found only %v", names)
	}
	gauges := map[string]bool{"sends_in_flight": true, "concurrency": true, "jobs": true, "health": true, "reminders_overdue": true, "reminders_braked": true,
		"jobs_at_risk": true, "ledger_bytes": true, "token_failing_accounts": true, "only_openids": true, "holds": true, "ledger_jobs": true,
		"ledger_jobs_late": true, "ledger_jobs_short": true, "ledger_shortfall_recipients": true, "ledger_jobs_ended": true, "receipts_waiting": true}
	for _, n := range names {
		if !strings.HasSuffix(n[1], "_total") && !strings.HasSuffix(n[1], "_seconds") && !gauges[n[1]] {
			t.Errorf("pushd_%s has no unit", n[1])
		}
	}
}

func TestCollector_HistogramThatIsShorterThanItsBounds(t *testing.T) {
	d := prometheus.NewDesc("x", "x", nil, nil)
	var m dto.Metric
	if err := histogram(d, pushd.Histogram{Bounds: []float64{1, 2}, Counts: []uint64{3}}).Write(&m); err != nil {
		t.Fatal(err)
	}
	if b := m.GetHistogram().GetBucket(); len(b) != 1 || b[0].GetCumulativeCount() != 3 {
		t.Errorf("buckets %v", b)
	}
}
