package observe

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/mono"
	"github.com/ductile-go/ductile/policy"
)

// maxSummed is the maximum number of policies that have a summary of their own. Those
// beyond share one.
const maxSummed = 1000

// summary counts rejections between summaries.
type summary struct {
	log   *logger
	table *table
	used  int     // guarded by mu
	rest  *series // for policies beyond maxSummed
	// armed is the time at which a timer was started, or 0 if none runs. Of goroutines that
	// count at the same time, one starts it, by compare-and-swap.
	armed atomic.Int64

	mu      sync.Mutex        // guards the table's changes and reported; not held while a record is written
	written map[*series]int64 // how much of each count was in summaries
}

func newSummary(l *logger) *summary {
	return &summary{
		log: l, table: newTable(1), written: map[*series]int64{},
		rest: &series{id: id{kind: rejections, c: Other}},
	}
}

// count counts a rejection and starts the timer. The timer's function clears armed before it
// reads the counts: a rejection that it misses finds no timer.
func (s *summary) count(e *policy.Event) {
	x := id{kind: rejections, c: e.Name, e: e.Policy}
	r := s.table.get(&x)
	if r == nil {
		r = s.find(&x)
	}
	r.count.Inc()
	if at, now := s.armed.Load(), s.now(); s.lost(at, now) && s.armed.CompareAndSwap(at, now) {
		policy.AfterFunc(s.log.cfg.Clock, s.log.cfg.Summary, func() {
			s.armed.Store(0)
			s.due()
		})
	}
}

// due writes the summaries of all policies on the goroutine of a timer. A panic in the
// handler or in Level would end the process there.
func (s *summary) due() {
	defer func() {
		if r := recover(); r != nil {
			log.Printf("observe: the handler or LogConfig.Level panicked at a summary: %v\n%s", r, debug.Stack())
		}
	}()
	s.write(context.Background(), "")
}

// lost reports whether no timer runs that was started at a time. A timer that was started
// in a bubble of testing/synctest dies with it.
func (s *summary) lost(at, now int64) bool {
	return at == 0 || now < at || (now-at)/2 > int64(s.log.cfg.Summary) // a product could overflow
}

// now returns the time in nanoseconds since a fixed time. It is never 0.
func (s *summary) now() int64 {
	if s.log.cfg.Clock == nil {
		return mono.Now()
	}
	return cmp.Or(s.log.cfg.Clock.Now().UnixNano(), 1)
}

func (s *summary) find(x *id) *series {
	if r := s.table.find(x); r != nil {
		s.table.remember(x, r)
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.table.find(x); r != nil {
		return r
	}
	if s.used >= maxSummed {
		return s.rest
	}
	s.used++
	r := &series{id: x.cloned()}
	s.table.link(r)
	return r
}

// write writes the summaries of a circuit, or of all policies if the name is empty, that
// have counted something since the last.
func (s *summary) write(ctx context.Context, circuit string) {
	for _, one := range s.take(circuit) {
		e := policy.Event{Kind: policy.Rejected, Policy: one.e, Name: one.c}
		level := max(slog.LevelInfo, s.log.cfg.Level(e))
		if s.log.handler.Enabled(ctx, level) {
			s.log.write(ctx, level, fmt.Sprintf("rejected %s %s", grouped(one.n), calls(one.n)),
				slog.String("policy", one.e), slog.String("name", nameOf(&e)), slog.Int64("count", one.n))
		}
	}
}

type summed struct {
	*id
	n int64
}

// take returns what was counted since the last take.
func (s *summary) take(circuit string) []summed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []summed
	take := func(r *series) bool {
		if n := r.count.Load() - s.written[r]; n > 0 && (circuit == "" || r.e == breakerKind && cmp.Or(r.c, r.e) == circuit) {
			s.written[r] += n
			all = append(all, summed{&r.id, n})
		}
		return true
	}
	s.table.all(take)
	take(s.rest)
	return all
}

func calls(n int64) string {
	if n == 1 {
		return "call"
	}
	return "calls"
}

// grouped returns n with commas between groups of three digits.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
