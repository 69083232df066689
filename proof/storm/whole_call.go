package storm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/ductile-go/ductile/policy"
)

type wholeKey struct{}

// wholeCall is one call of the whole order.
type wholeCall struct {
	n      int
	key    string // "" for a call that goes past cache and coalesce
	caller *counted
	ctx    context.Context
	came   time.Time
	floor  int64 // the version that its value has at least
}

// wholeEnding is how one returned.
type wholeEnding struct {
	v        worth
	err      error
	panicked any
	returned bool
	gone     bool // its context had ended before
}

// boom is what a function panics with.
type boom struct {
	key string
	run int64
}

func (b *boom) Error() string { return fmt.Sprintf("storm: boom of run %d for %q", b.run, b.key) }

// one makes a call on a goroutine of its own, which Goexit may end.
func (w *whole) one(n int, rnd *rand.Rand) {
	c := &wholeCall{n: n}
	if rnd.IntN(5) > 0 {
		c.key = keyName(min(rnd.IntN(wholeKeys), rnd.IntN(wholeKeys)))
		c.floor = w.of(c.key).floor.Load()
	}
	c.caller = newCounted(context.WithValue(context.Background(), wholeKey{}, c), time.Now)
	ctx, release := w.arrive(c, rnd)
	c.ctx, c.came = ctx, time.Now()
	e := wholeEnding{gone: ctx.Err() != nil}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { e.panicked = recover() }()
		e.v, e.err = w.do(ctx, w.function)
		e.returned = true
	}()
	<-over
	w.audit(c, e)
	release()
	if left := c.caller.attached(); left > 0 && c.key != "" { // without a key, something may have been abandoned
		w.fault("call %d: %d children of its caller's context are left", c.n, left)
	}
	if rnd.IntN(100) == 0 {
		w.meddle(context.Background(), rnd)
	}
	time.Sleep(time.Duration(1 + rnd.Int64N(int64(4*time.Millisecond))))
}

// arrive gives the caller a deadline, a time at which it leaves, or a context that has ended.
func (w *whole) arrive(c *wholeCall, rnd *rand.Rand) (ctx context.Context, release func()) {
	switch patience := 1 + time.Duration(rnd.Int64N(int64(patient)/4)); rnd.IntN(20) {
	case 0:
		c.caller.cancel(errGone)
	case 1, 2, 3:
		leaves := time.AfterFunc(patience, func() { c.caller.cancel(errGone) })
		return c.caller, func() { leaves.Stop() }
	case 4, 5, 6:
		return context.WithTimeoutCause(c.caller, patience, errGone)
	}
	return c.caller, func() {}
}

// begin returns the value of a run.
func (w *whole) begin(c *wholeCall, run int64) worth {
	v := worth{key: c.key, run: run, by: c.n}
	if c.key != "" {
		v.version = w.of(c.key).version.Load()
	}
	return v
}

// function is that of all calls. It has the values of the call that began its flight.
func (w *whole) function(ctx context.Context) (v worth, err error) {
	c := ctx.Value(wholeKey{}).(*wholeCall)
	mine, from := w.begin(c, w.runs.Add(1)), time.Now()
	w.attempted(ctx, c)
	how := exited
	defer func() { w.ran(mine, from, how) }()
	rnd := rand.New(rand.NewPCG(w.seed, uint64(mine.run)))
	works := time.Duration(1 + rnd.Int64N(int64(2*time.Millisecond)))
	what := rnd.IntN(100)
	if what < 4 {
		w.meddle(ctx, rnd)
	}
	switch {
	case what >= 97:
		works *= 3 // and ignores its context
		_ = policy.Sleep(context.Background(), nil, works)
	case what >= 94:
		works = time.Hour // it hangs until it is cancelled
		fallthrough
	default:
		_ = policy.Sleep(ctx, nil, works)
	}
	switch {
	case what < 96 && ctx.Err() != nil:
		how = failed
		_ = policy.Sleep(context.Background(), nil, min(works, slack)/4) // it tidies up
		return v, ctx.Err()
	case what >= 91 && what < 94:
		c.caller.cancel(errGone)
		_ = policy.Sleep(context.Background(), nil, works)
	}
	if err = w.outcome(what, mine, &how); err != nil {
		return v, err
	}
	w.born(mine, from)
	how = succeeded
	return mine, nil
}

// outcome returns how a function ends that was not cancelled.
func (w *whole) outcome(what int, mine worth, how *verdict) error {
	*how = failed
	switch {
	case what >= 75 && what < 83:
		return errDown
	case what >= 83 && what < 86:
		return errMissing
	case what >= 86 && what < 89 || what == 98:
		*how = panicked
		w.bursts(mine)
		panic(&boom{mine.key, mine.run})
	case what >= 89 && what < 91:
		*how = exited
		runtime.Goexit()
	}
	return nil
}

// meddle changes something while calls run.
func (w *whole) meddle(ctx context.Context, rnd *rand.Rand) {
	key := keyName(rnd.IntN(wholeKeys))
	var err error
	switch rnd.IntN(8) {
	case 0:
		cfg := w.circuit.Config()
		cfg.RecoveryTimeout, cfg.HalfOpenMaxCalls = time.Millisecond+time.Duration(rnd.Int64N(int64(time.Millisecond))), 1+rnd.IntN(3)
		err = w.circuit.Reconfigure(cfg)
	case 1:
		limit := 3 + rnd.IntN(8)
		w.mu.Lock()
		w.gates.set(time.Now(), limit)
		w.gate.SetLimit(limit) // under the mutex, so that the history has the order of the gate
		w.mu.Unlock()
	case 2:
		r := rate{limit: 2000 + rnd.IntN(8000), burst: 1 + rnd.IntN(8)}
		w.mu.Lock()
		w.fastest = rate{max(r.limit, w.fastest.limit), max(r.burst, w.fastest.burst)}
		w.mu.Unlock()
		w.limiter.SetRate(r.limit, time.Second, r.burst)
	case 3:
		in := w.chaos.Injectors()[rnd.IntN(4)]
		if in.Enabled() {
			in.Off()
		} else {
			in.On()
		}
	case 4:
		w.coalesce.Forget(key)
	case 5:
		err = w.cache.Refresh(context.WithoutCancel(ctx), key)
	default:
		err = w.invalidate(context.WithoutCancel(ctx), key)
	}
	if err != nil {
		w.fault("meddling with %s: %v", key, err)
	}
}

// invalidate changes what stands behind a key. A call that comes after it gets the change: the
// flight inside is forgotten first, then the entry outside. A flight that begins between the two
// sees the change, and one that began before is not kept.
func (w *whole) invalidate(ctx context.Context, key string) error {
	b := w.of(key)
	version := b.version.Add(1)
	err := w.forget(ctx, key)
	w.mu.Lock() // or the earlier of two invalidations could lower the floor
	defer w.mu.Unlock()
	b.floor.Store(max(b.floor.Load(), version))
	return err
}

func (w *whole) forget(ctx context.Context, key string) error {
	if w.double.invalidate != nil {
		return w.double.invalidate(w, ctx, key)
	}
	w.coalesce.Forget(key)
	return w.cache.Delete(ctx, key)
}
