package storm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

const perScene = 64 // calls

// books are what a scene's calls came to.
type books struct {
	Succeeded, Failed, Canceled, Rejected, Panicked, Exited, TurnedAway int
}

func (b books) started() int {
	return b.Succeeded + b.Failed + b.Canceled + b.Rejected + b.Panicked + b.Exited + b.TurnedAway
}

func (b *books) add(o books) {
	b.Succeeded += o.Succeeded
	b.Failed += o.Failed
	b.Canceled += o.Canceled
	b.Rejected += o.Rejected
	b.Panicked += o.Panicked
	b.Exited += o.Exited
	b.TurnedAway += o.TurnedAway
}

// scene is one pipeline and its calls.
type scene struct {
	rnd      *rand.Rand
	do       door // into the pipeline
	plan     *planner
	clock    *fake.Clock // nil means real time
	alone    bool        // one call after another
	observed bool        // or judged by results and counters
	ledger   ledger

	mu       sync.Mutex
	calls    []*call
	history  bytes.Buffer
	byReturn books
	byScript books
	tallies  []*tally        // of the circuits
	leaving  []*timeoutRules // of the policies that leave their function
	attempts map[string]int  // the last Attempted of each retry, where calls are alone
	faults   []string
	shape    string // of the pipeline, nested ones flattened
	depth    int
	forgot   bool // all but the lines above
}

type callKey struct{}

// double is what takes the place of something that works.
type double struct {
	innermost func(s *scene) policy.Policy[int]
	instead   func(r rules, of policy.Policy[int]) policy.Policy[int]
	circuit   func(cfg *breaker.Config) // after the storm has taken note of it
	late      func(tell func(v int, err error)) func(v int, err error)
	observer  func(o policy.Observer) policy.Observer
}

// newScene makes what seed says, with doubles in it. Call it in the bubble that
// the scene is played in.
func newScene(seed uint64, d double) *scene {
	s := &scene{
		rnd:    rand.New(rand.NewPCG(seed, 0x5702)),
		ledger: ledger{fates: map[int][]string{}}, attempts: map[string]int{},
	}
	s.alone, s.observed = s.rnd.IntN(2) == 0, s.rnd.IntN(2) == 0
	p := &planner{s: s, rnd: s.rnd, double: d, random: s.jitter(seed), alone: s.alone}
	if s.rnd.IntN(2) == 0 {
		s.clock = fake.NewClock(fake.AutoAdvance())
		p.clock = s.clock
	}
	for _, name := range []string{"a", "b"} {
		s.tallies = append(s.tallies, p.circuit(name))
	}
	p.budget = retry.NewBudget(retry.BudgetConfig{Ratio: 0.5, MinPerSecond: 100, Clock: p.clock})
	s.plan = p
	policies := p.outermost()
	if d.innermost != nil {
		policies = append(policies, d.innermost(s))
	}
	pipe := pipeline.New(policies...).WithName("outer")
	if s.observed {
		pipe = pipe.WithObserver(p.observer())
	}
	s.do, s.shape, s.depth = p.door(pipe), strings.Join(p.what, " > "), len(p.what)
	return s
}

// exact reports whether time stands still while a call does nothing: nobody else
// moves the clock.
func (s *scene) exact() bool { return s.clock == nil || s.alone }

// jitter is a source of its own, so that what it is asked for does not change
// what comes after.
func (s *scene) jitter(seed uint64) func() float64 {
	rnd := rand.New(rand.NewPCG(seed, 0x717e4))
	var mu sync.Mutex
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return rnd.Float64()
	}
}

func (s *scene) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

func (s *scene) now() time.Time {
	if s.clock != nil {
		return s.clock.Now()
	}
	return time.Now()
}

func (s *scene) write(format string, args ...any) {
	if s.alone {
		fmt.Fprintf(&s.history, "%s ", s.now().Format("15:04:05.000000000"))
		fmt.Fprintf(&s.history, format+"\n", args...)
	}
}

// hear is the circuits' OnStateChange.
func (s *scene) hear(t *tally, m breaker.Transition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgot {
		return
	}
	s.faults = append(s.faults, t.move(m, s.alone, s.exact())...)
	s.write("circuit %s: %v to %v, %+v, %v", m.Name, m.From, m.To, m.Counts, text(m.Cause))
}

// draw is the circuits' Rand.
func (s *scene) draw(t *tally, random func() float64) float64 {
	drawn := random()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.drawn = drawn
	return drawn
}

// say enters how the run that ctx belongs to ended.
func (s *scene) say(ctx context.Context, how verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx.Value(runKey{}).(*run).how = how
}

// onRetry is the retries' OnRetry.
func (s *scene) onRetry(ctx context.Context, _ policy.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	visitOf(ctx).asked++
}

// observe is the pipeline's observer.
func (s *scene) observe(ctx context.Context, e policy.Event) {
	c := ctx.Value(callKey{}).(*call)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write("call %d: %v %q %q, attempt %d, delay %v, elapsed %v, %s to %s, %v",
		c.n, e.Kind, e.Pipeline, e.Policy, e.Attempt, e.Delay, e.Elapsed, e.From, e.To, text(e.Err))
	if len(c.finished) > 0 && e.Kind != policy.FinishedLate {
		c.late = append(c.late, e.Kind)
	}
	if e.Kind == policy.Finished {
		if e.Pipeline == "outer" {
			c.finished = append(c.finished, e.Err)
		}
		return
	}
	v := visitOf(ctx)
	v.heard[e.Kind]++
	switch {
	case e.Kind == policy.Rejected:
		v.tally.heard++
	case e.Kind == policy.StateChanged:
		v.tally.changes++
	case e.Kind == policy.Attempted && s.alone:
		if last := s.attempts[e.Policy]; e.Attempt != 1 && e.Attempt != last+1 {
			s.faults = append(s.faults, fmt.Sprintf("call %d: attempt %d of %s was told after attempt %d", c.n, e.Attempt, e.Policy, last))
		}
		s.attempts[e.Policy] = e.Attempt
	}
}

// text is what err says, without the stack of a panic: that has the numbers of
// goroutines in it.
func text(err error) string {
	var p *policy.PanicError
	if errors.As(err, &p) {
		return fmt.Sprintf("panic: %v", p.Value)
	}
	return fmt.Sprint(err)
}

// enter enters the end of a call by the verdict on it.
func (b *books) enter(how verdict) {
	switch how {
	case succeeded:
		b.Succeeded++
	case rejected:
		b.Rejected++
	case cancelled:
		b.Canceled++
	case panicked:
		b.Panicked++
	case exited:
		b.Exited++
	default:
		b.Failed++
	}
}

// sort enters the end of a call by the error that it returned.
func (b *books) sort(ctx context.Context, err error) {
	switch {
	case err == nil:
		b.Succeeded++
	case errors.Is(err, policy.ErrRejected):
		b.Rejected++
	case errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled):
		b.Canceled++
	default:
		b.Failed++
	}
}
