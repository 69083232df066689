package storm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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

// books count the calls of a scene by how they ended.
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
	clock    policy.Clock       // nil means real time
	ground   ground             // where the scene is played
	tame     bool               // no function calls runtime.Goexit
	alone    bool               // one call after another
	observed bool               // otherwise only results and counts are judged
	kinds    []policy.EventKind // the kinds that the observer is limited to; empty means all
	byHand   bool               // the storm itself uses a circuit
	ledger   ledger

	mu       sync.Mutex
	calls    []*call
	current  *call // where calls are alone
	history  bytes.Buffer
	byReturn books
	byScript books
	tallies  []*tally        // of the circuits
	leaving  []*timeoutRules // of the policies that leave their function
	loads    []load          // gates and limiters
	limited  bool            // there is a limiter
	hedged   bool            // there is a hedge
	attempts map[string]int  // the last Attempted of each retry, where calls are alone
	ended    []*kept         // recorded after their calls had returned
	changing sync.Mutex      // orders reconfigurations, with what is noted of them
	faults   []string
	shape    string // of the pipeline, nested ones flattened
	depth    int
	forgot   bool // everything is dropped but the fields above
}

type callKey struct{}

// double replaces something that works.
type double struct {
	innermost func(s *scene) policy.Policy[int]
	instead   func(r rules, of policy.Policy[int]) policy.Policy[int]
	circuit   func(cfg *breaker.Config)                    // after the storm has taken note of it
	changed   func(was breaker.Config, is *breaker.Config) // likewise
	keep      func(record func(policy.Outcome)) func(policy.Outcome)
	late      func(tell func(v int, err error)) func(v int, err error)
	observer  func(o policy.Observer) policy.Observer
}

// newScene makes the scene of a seed, with doubles. It must be called in the bubble in which the
// scene is played.
func newScene(seed uint64, d double) *scene { return newSceneOn(seed, d, nil) }

// newSceneOn is newScene on a ground of the caller's, with its clock. A nil ground means the bubble.
func newSceneOn(seed uint64, d double, g ground) *scene {
	s := &scene{
		rnd:    rand.New(rand.NewPCG(seed, 0x5702)),
		ledger: ledger{fates: map[int][]string{}}, attempts: map[string]int{},
	}
	s.alone, s.observed = s.rnd.IntN(2) == 0, s.rnd.IntN(2) == 0
	if s.rnd.IntN(3) == 0 {
		s.kinds = limits[s.rnd.IntN(len(limits))]
	}
	p := &planner{s: s, rnd: s.rnd, double: d, random: s.jitter(seed), alone: s.alone}
	onClock := s.rnd.IntN(2) == 0
	if s.ground, s.tame = g, g != nil; g == nil {
		s.ground = bubble{}
		if onClock {
			s.ground = bubble{fake.NewClock(fake.AutoAdvance())}
		}
	}
	if s.clock = s.ground.time(); s.clock != nil {
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
		pipe = pipe.WithObserver(p.observer(), s.kinds...)
	}
	s.do, s.shape, s.depth = p.door(pipe), strings.Join(p.what, " > "), len(p.what)
	return s
}

// limits are the sets of kinds that an observer may be limited to.
var limits = [][]policy.EventKind{
	{policy.Finished},
	{policy.Finished, policy.StateChanged},
	{policy.Finished, policy.Judged, policy.Rejected},
	{policy.Finished, policy.Started, policy.Retried, policy.Recovered},
	{policy.Finished, policy.Attempted, policy.FellBack, policy.TimedOut, policy.FinishedLate},
}

// hears reports whether the observer of the scene gets events of a kind.
func (s *scene) hears(kind policy.EventKind) bool {
	return s.observed && (len(s.kinds) == 0 || slices.Contains(s.kinds, kind))
}

// wouldRefuse reports whether the circuit that made an error refuses calls now, as far as the
// storm knows.
func (s *scene) wouldRefuse(open *breaker.OpenError) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tallies {
		if t.cfg.Name == open.Name && !t.cfg.Shadow {
			return !s.alone || t.state == breaker.Open && t.remaining(s.now()) > 0
		}
	}
	return false
}

// exact reports whether time stands still while a call does nothing, since no other call moves
// the clock.
func (s *scene) exact() bool { return s.clock == nil || s.alone }

// jitter returns a random source of its own, so that its use does not change later choices of the
// scene.
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

// hear is the OnStateChange of the circuits.
func (s *scene) hear(t *tally, m breaker.Transition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgot {
		return
	}
	s.faults = append(s.faults, t.move(m, s.alone, s.exact(), s.byHand)...)
	s.write("circuit %s: %v to %v, %q, %+v, %v", m.Name, m.From, m.To, m.Reason, m.Counts, text(m.Cause))
}

// watch is given to Watch. It is called for the moves that OnStateChange is called for, and for
// Reconfigure.
func (s *scene) watch(t *tally, m breaker.Transition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.forgot:
	case m.From == m.To:
		t.reconfigured--
	case t.told != 1:
		s.faults = append(s.faults, fmt.Sprintf("circuit %s: Watch reported a move to %v, and OnStateChange %d moves", m.Name, m.To, t.told))
	default:
		t.told--
	}
}

// draw is the Rand of the circuits.
func (s *scene) draw(t *tally, random func() float64) float64 {
	drawn := random()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.drawn = drawn
	return drawn
}

// say notes how the run of ctx ended.
func (s *scene) say(ctx context.Context, how verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx.Value(runKey{}).(*run).how = how
}

// onRetry is the OnRetry of the retries.
func (s *scene) onRetry(ctx context.Context, _ policy.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	visitOf(ctx).asked++
}

// text returns the text of err without the stack of a panic, which has numbers of goroutines in
// it.
func text(err error) string {
	var p *policy.PanicError
	if errors.As(err, &p) {
		return fmt.Sprintf("panic: %v", p.Value)
	}
	return fmt.Sprint(err)
}

// enter counts a call by the verdict on it.
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

// sort counts a call by the error that it returned.
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
