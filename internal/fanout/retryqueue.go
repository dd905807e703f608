package fanout

import (
	"container/heap"
	"time"
)

// delayed is a delivery that waits for its next try.
type delayed struct {
	due      time.Time
	delivery *delivery
}

// retryQueue is a heap of delayed deliveries, the earliest first.
type retryQueue []delayed

func (q retryQueue) Len() int           { return len(q) }
func (q retryQueue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q retryQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *retryQueue) Push(x any)        { *q = append(*q, x.(delayed)) }
func (q *retryQueue) Pop() any {
	old := *q
	d := old[len(old)-1]
	*q = old[:len(old)-1]
	return d
}

// again makes a recipient ready for another try.
func (s *sender) again(d *delivery) { s.ready = append(s.ready, d) }

// retryAt keeps a recipient for another try.
func (s *sender) retryAt(d *delivery, due time.Time) {
	heap.Push(&s.later, delayed{due, d})
}
