package observe

import (
	"context"
	"errors"
	"time"

	atomic "github.com/ductile-go/ductile/internal/atomicx"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
)

// breakerKind is Event.Policy of a circuit's events.
const breakerKind = "breaker"

// Stats counts what pipelines report, for [Stats.Snapshot]. Make one with [New]; the zero
// Stats is not usable. It is safe for concurrent use. The usual program has one for all
// its pipelines.
type Stats struct {
	cfg   Config
	table *table
	// overflow has the overflow series of each instrument that needs one. It is written
	// under mu.
	overflow [instrumentCount]atomic.Pointer[series]
	// used has the number of series of each instrument. It is written under mu and read
	// without it by calls that find the limit reached.
	used [instrumentCount]atomic.Int64
	// followers is replaced as a whole by Follow, and read by each event.
	followers atomic.Pointer[[]*follower]
	watches   watches

	// mu serializes changes of the table: of two goroutines that add a series at the same
	// time, one would otherwise unlink the other's, or both would take the last place. It
	// is not held while a user's function runs.
	mu atomic.Mutex
}

// New returns an empty Stats. It panics with the error of [Config.Validate].
func New(cfg Config) *Stats {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	s := &Stats{cfg: cfg, table: newTable(cfg.MaxSeries)}
	s.watches.moved, s.watches.dropped = s.moved, s.forgetCircuit
	return s
}

func init() {
	origin.Stats = func(v any) error {
		switch s := v.(*Stats); {
		case s == nil:
			return errors.New("observe: Stats is nil, want one made by New")
		case s.table == nil:
			return errors.New("observe: zero Stats, want one made by New")
		}
		return nil
	}
}

func (s *Stats) newSeries(x id, p *pipe) *series {
	r := &series{id: x, pipe: p}
	if int(x.kind) < instrumentCount && x.kind.histogram() && x.kind != callAttempts {
		r.hist = new(hist)
	}
	return r
}

// Observe counts an event. It is a [policy.Observer]: pass it to WithObserver of a
// pipeline, once, and not also to pipelines inside of it, whose events it would count
// twice. It allocates nothing and takes no lock, except to begin a series.
func (s *Stats) Observe(ctx context.Context, e policy.Event) {
	switch e.Kind {
	case policy.Started:
		s.find(&id{kind: callActive, a: e.Pipeline}, e.Pipeline).count.Inc()
	case policy.Finished:
		s.finished(ctx, &e)
	case policy.Attempted:
		s.attempted(ctx, &e)
	case policy.Judged:
		s.find(&id{kind: circuitCalls, code: judgement(&e), a: nameOf(&e), b: s.key(&e)}, e.Pipeline).count.Inc()
	case policy.Retried:
		s.find(&id{kind: retryDelay, a: e.Pipeline, b: s.key(&e), c: nameOf(&e), d: e.Reason}, e.Pipeline).hist.time(e.Delay)
	case policy.Rejected:
		s.find(&id{kind: rejections, a: e.Pipeline, b: s.key(&e), c: nameOf(&e), d: e.Reason, e: e.Policy}, e.Pipeline).count.Inc()
	case policy.Waited:
		s.find(&id{kind: queueWait, a: nameOf(&e), b: s.key(&e), c: e.Policy}, e.Pipeline).hist.time(e.Delay)
	case policy.StateChanged:
		if s.watches.watched(e.Name) {
			return // reported by Circuit.Watch
		}
		s.transition(nameOf(&e), s.key(&e), e.From, e.To, e.Pipeline)
	case policy.Forgotten:
		s.forgetKey(e.Pipeline, e.Key)
	}
	if all := s.followers.Load(); all != nil {
		tell(ctx, *all, &e)
	}
}

// nameOf returns the policy's name, or its kind if it has none.
func nameOf(e *policy.Event) string {
	if e.Name != "" {
		return e.Name
	}
	return e.Policy
}

// key returns the key of e if keys are a label.
func (s *Stats) key(e *policy.Event) string {
	if s.cfg.MaxKeys == 0 {
		return ""
	}
	return e.Key
}

func (s *Stats) finished(ctx context.Context, e *policy.Event) {
	x := id{kind: callDuration, a: e.Pipeline, b: s.key(e), d: Operation(ctx)}
	if e.Err == nil {
		x.c = rescue(e.Reason)
	} else {
		x.code, x.c = uint8(outcomeOf(ctx, e.Err)), s.errorType(e.Err)
	}
	r := s.find(&x, e.Pipeline)
	r.hist.time(e.Elapsed)
	if r.rest { // of several pipelines
		r = s.find(&id{kind: callActive, a: e.Pipeline}, e.Pipeline)
	}
	r.pipe.attempts.number(max(1, e.Attempt))
}

// rescue returns the value of the label rescue.
func rescue(by string) string {
	if by == "" {
		return "none"
	}
	return by
}

func (s *Stats) errorType(err error) string {
	if s.cfg.ErrorType != nil {
		if name := s.cfg.ErrorType(err); name != "" {
			return name
		}
	}
	return ErrorType(err)
}

// attemptType is a value of the label attempt.type.
type attemptType uint8

var attemptTypes = [...]string{"original", "retry", "hedge"}

func attemptTypeOf(e *policy.Event) attemptType {
	switch {
	case e.Attempt <= 1:
		return 0
	case e.Policy == "hedge":
		return 2
	}
	return 1
}

func (s *Stats) attempted(ctx context.Context, e *policy.Event) {
	x := id{kind: attemptDuration, code: uint8(attemptTypeOf(e)) << 4, a: e.Pipeline, b: s.key(e), c: nameOf(e)}
	if e.Err != nil {
		x.code |= uint8(outcomeOf(ctx, e.Err))
		x.d = s.errorType(e.Err)
	}
	s.find(&x, e.Pipeline).hist.time(e.Took)
}

// judgement returns the code of a circuitCalls.
func judgement(e *policy.Event) uint8 {
	code := uint8(e.Outcome) << 1
	if e.Reason == "slow" {
		code |= 1
	}
	return code
}

func (s *Stats) transition(circuit, key, from, to, pipeline string) {
	s.find(&id{kind: circuitTransitions, a: circuit, b: key, c: from, d: to}, pipeline).count.Inc()
}

// find returns the series of x, which was made from an event of a pipeline. It adds the
// series if there is room, and otherwise returns one that stands for several.
func (s *Stats) find(x *id, pipeline string) *series {
	if r := s.table.get(x); r != nil {
		return r
	}
	return s.findOrAdd(x, pipeline)
}

// now returns the time on the clock of the Config.
func (s *Stats) now() time.Time { return policy.Now(s.cfg.Clock) }
