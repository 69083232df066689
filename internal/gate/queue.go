package gate

import (
	"slices"

	"github.com/ductile-go/ductile/policy"
)

// The states of a waiter. The state changes under Gate.mu; once it is no longer waiting,
// only the waiter's own goroutine changes it.
const (
	waiting   uint8 = iota
	granted         // it was given a place
	expired         // MaxWait or Delay has ended its wait
	displaced       // a call of a higher priority has its place in the queue
	gone            // its caller has left
)

// waiter is a call that waits for a place.
type waiter struct {
	gate     *Gate
	ready    policy.Waiter // woken when state has changed
	priority policy.Priority
	patience int64 // how long it may wait; 0 means until its context ends
	since    int64 // when it arrived, on the gate's clock; set if timed
	timed    bool
	stop     func() bool // stops the timer of patience; nil if there is none
	state    uint8
	done     bool // its goroutine has handled the outcome

	// Guarded by Gate.mu while the waiter is in the queue.
	seq        uint64
	level      *level
	prev, next *waiter
}

// woken is a list of waiters to wake after Gate.mu is unlocked, because Wake is a call
// out.
type woken struct{ first *waiter }

func (l *woken) push(w *waiter) { w.next, l.first = l.first, w }

// append adds the waiters of more, which were pushed later.
func (l *woken) append(more woken) {
	last := &more.first
	for *last != nil {
		last = &(*last).next
	}
	*last = l.first
	l.first = more.first
}

// wake wakes the waiters in the order of push.
func (l woken) wake() {
	var turned *waiter
	for w := l.first; w != nil; {
		next := w.next
		w.next, turned = turned, w
		w = next
	}
	wakeFrom(turned)
}

// wakeFrom wakes w and those after it, even if the Wake of one of them panics: the others
// have places, or are refused, and would wait on.
func wakeFrom(w *waiter) {
	defer func() {
		if w != nil {
			wakeFrom(w)
		}
	}()
	for w != nil {
		woken := w
		w = w.next // read before Wake: a woken waiter belongs to its own goroutine
		woken.next = nil
		woken.ready.Wake()
	}
}

// queue holds the waiters by priority. Gate.mu guards it.
type queue struct {
	levels []*level // one per priority seen so far, the highest first
	n      int
	seq    uint64
}

// level holds the waiters of one priority, in the order of service.
type level struct {
	priority   policy.Priority
	head, tail *waiter
}

// push adds w to its level, at the front if first is true.
func (q *queue) push(w *waiter, first bool) {
	q.seq++
	l := q.level(w.priority)
	w.seq, w.level = q.seq, l
	switch {
	case l.head == nil:
		l.head, l.tail = w, w
	case first:
		w.next, l.head.prev = l.head, w
		l.head = w
	default:
		w.prev, l.tail.next = l.tail, w
		l.tail = w
	}
	q.n++
}

// level returns the level of a priority, and adds it if it is missing. There are at most
// 256 levels.
func (q *queue) level(p policy.Priority) *level {
	i, ok := slices.BinarySearchFunc(q.levels, p, func(l *level, p policy.Priority) int { return int(p) - int(l.priority) })
	if !ok {
		q.levels = slices.Insert(q.levels, i, &level{priority: p})
	}
	return q.levels[i]
}

// remove removes w from the queue.
func (q *queue) remove(w *waiter) {
	l := w.level
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.head = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.tail = w.prev
	}
	w.prev, w.next, w.level = nil, nil, nil
	q.n--
}

// next returns the waiter to serve next, or nil.
func (q *queue) next() *waiter {
	for _, l := range q.levels {
		if l.head != nil {
			return l.head
		}
	}
	return nil
}

// least returns the newest waiter of the lowest priority, or nil. Waiters are added at
// either end of a level, so the newest is at one of them.
func (q *queue) least() *waiter {
	for _, l := range slices.Backward(q.levels) {
		switch {
		case l.head == nil:
		case l.head.seq > l.tail.seq:
			return l.head
		default:
			return l.tail
		}
	}
	return nil
}
