package fanout

// Point names a place in the life of a job at which a test may end the
// process (Config.Point): the places where a crash could cost a recipient the
// message, or deliver it twice.
type Point string

// The points, in the order of a job's life.
const (
	PointTookBack  Point = "took_back" // a new start has freed the leases of the last one
	PointAccepted  Point = "accepted"  // the job is committed; the POST is not answered yet
	PointClaimed   Point = "claimed"   // the lease is ours; nothing is done yet
	PointPage      Point = "page"      // a page is stored
	PointRecorded  Point = "recorded"  // watermark and outcomes are committed; those admitted are not sent to yet
	PointSending   Point = "sending"   // a worker is about to send
	PointSent      Point = "sent"      // WeChat has answered; nothing knows it yet
	PointFinishing Point = "finishing" // everyone is accounted for; the job has not ended yet
)

// Points lists all points, for tests.
func Points() []Point {
	return []Point{PointTookBack, PointAccepted, PointClaimed, PointPage, PointRecorded, PointSending, PointSent, PointFinishing}
}

// pass tells whoever listens that p is reached.
func (e *Engine) pass(p Point) {
	if e.cfg.Point != nil {
		e.cfg.Point(p)
	}
}
