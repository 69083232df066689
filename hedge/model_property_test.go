package hedge_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

var errLeft = errors.New("the caller left")

// ended is the error of attempt n.
type ended struct {
	n     int
	comes outcome
}

func (e *ended) Error() string { return fmt.Sprintf("attempt %d", e.n) }

// scripted draws a random history.
func scripted(rnd interface{ IntN(int) int }) script {
	s := script{cfg: hedge.Config{
		Delay: time.Duration(1+rnd.IntN(100_000_000)) * time.Nanosecond, MaxExtra: 1 + rnd.IntN(4),
		OnFailure: rnd.IntN(2) == 0, Abandon: rnd.IntN(3) == 0,
	}, tokens: rnd.IntN(5)}
	if rnd.IntN(8) == 0 {
		s.cfg.Delay = hedge.AtOnce
	}
	if rnd.IntN(3) == 0 {
		s.cfg.Budget = hedge.NoBudget
	}
	for n := range s.takes {
		s.takes[n] = time.Duration(1+rnd.IntN(400_000_000)) * time.Nanosecond
		s.hint[n] = time.Duration(1 + rnd.IntN(200_000_000))
		s.deaf[n] = rnd.IntN(3) == 0
		s.comes[n] = outcome(rnd.IntN(int(outcomes)))
		if rnd.IntN(4) == 0 { // prefer outcomes that decide the call
			s.comes[n] = fails
		}
	}
	if rnd.IntN(3) == 0 {
		s.leaves = time.Duration(1 + rnd.IntN(500_000_000))
	}
	return s
}

// history is the actual run of a script.
type history struct {
	script
	clock  policy.Clock
	start  time.Time
	caller *parent // the caller's context; nil if the caller leaves
	mu     sync.Mutex
	lines  []string
}

func (h *history) since() time.Duration { return policy.Now(h.clock).Sub(h.start) }

func (h *history) log(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf("%v ", h.since())+fmt.Sprintf(format, args...))
}

// run is the function.
func (h *history) run(ctx context.Context) (int, error) {
	n := hedge.Attempt(ctx)
	h.log("begin %d, speculative %v", n, policy.Speculative(ctx))
	sleeping := ctx
	if h.deaf[n] {
		sleeping = context.WithoutCancel(ctx)
	}
	if err := policy.Sleep(sleeping, h.clock, h.takes[n]); err != nil {
		why := "left"
		if errors.Is(context.Cause(ctx), hedge.ErrLost) {
			why = "lost"
		}
		h.log("end %d: %s", n, why)
		return 0, errors.Join(err, &ended{n, -1})
	}
	h.log("end %d", n)
	err := error(&ended{n, h.comes[n]})
	switch h.comes[n] {
	case succeeds:
		return n, nil
	case unwanted:
		return -n, nil
	case fatal:
		return 0, retry.Permanent(err)
	case refused:
		return 0, errors.Join(err, policy.ErrRejected)
	case asks:
		return 0, retry.After(err, h.hint[n])
	case asksLong:
		return 0, retry.After(err, time.Hour)
	case panics:
		panic(err)
	case exits:
		runtime.Goexit()
	}
	return 0, err
}

func abs(n int) int { return max(n, -n) }

// play makes the call. It returns the result in the model's words, and a function that
// returns the number of tokens left.
func (h *history) play(t *testing.T, drive func()) (result string, left func() int64) {
	budget := h.cfg.Budget
	if budget == nil {
		budget = retry.NewBudget(retry.BudgetConfig{Ratio: 1e-9, MinPerSecond: float64(h.tokens)/3600 + 1e-9, Window: time.Hour, Clock: h.clock})
	}
	h.cfg.Budget, h.cfg.Clock = budget, h.clock
	h.start = policy.Now(h.clock)
	p := pipeline.New[int](hedge.New[int](h.cfg).
		WithCondition(func(v int, err error) bool { return err == nil && v > 0 }).
		WithDiscard(func(v int) { h.log("discard %d", abs(v)) }).
		WithOnLate(h.late)).
		WithObserver(h.observe, policy.Hedged, policy.FinishedLate)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	if h.leaves == 0 {
		h.caller = newParent(ctx)
		ctx = h.caller
	} else {
		defer policy.AfterFunc(h.clock, h.leaves, func() { cancel(errLeft) })()
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		returned := false
		defer func() {
			if r := recover(); r != nil {
				result = fmt.Sprintf("%v panic of %d", h.since(), r.(*ended).n)
			} else if !returned {
				result = fmt.Sprintf("%v Goexit", h.since())
			}
		}()
		v, err := p.Do(ctx, h.run)
		result = h.word(v, err)
		returned = true
	})
	drive()
	wg.Wait()
	return result, func() int64 { return budget.Snapshot().Left }
}

func (h *history) late(err error) {
	var e *ended
	var p *policy.PanicError
	switch {
	case errors.Is(err, errLeft): // the order of this and the caller's own check is not defined
	case errors.As(err, &p):
		h.log("late %d: %d", p.Value.(*ended).n, panics)
	case errors.Is(err, policy.ErrNoReturn):
		h.log("late Goexit")
	case errors.Is(err, hedge.ErrLost):
		errors.As(err, &e)
		h.log("late %d: lost", e.n)
	case errors.As(err, &e):
		h.log("late %d: %d", e.n, e.comes)
	}
}

func (h *history) observe(_ context.Context, e policy.Event) {
	switch {
	case e.Kind == policy.Hedged:
		h.log("hedged %d by %s", e.Attempt, e.Reason)
	case !errors.Is(e.Err, errLeft):
		h.log("finished_late %d", e.Attempt)
	}
}

func (h *history) word(v int, err error) string {
	if err == nil {
		return fmt.Sprintf("%v value of %d", h.since(), abs(v))
	}
	if errors.Is(err, errLeft) {
		if !errors.Is(err, context.Canceled) {
			return "an end without Canceled"
		}
		return fmt.Sprintf("%v left", h.since())
	}
	errs := []error{err}
	if all, ok := errors.AsType[*hedge.Error](err); ok {
		errs = all.Errs
	}
	var of []int
	for _, err := range errs {
		var e *ended
		errors.As(err, &e)
		of = append(of, e.n)
	}
	return fmt.Sprintf("%v errors of %v", h.since(), of)
}

func compare(t *testing.T, s script, clock string, seed uint64) (compared bool) {
	t.Helper()
	m := &model{script: s}
	m.play()
	if m.times == nil {
		return false
	}
	synctest.Test(t, func(t *testing.T) {
		h := &history{script: s}
		drive := func() {}
		switch clock {
		case "fake":
			clk := &timed{Clock: fake.NewClock()}
			h.clock, drive = clk, advance(m.times, clk.Advance, func(n int) { m.checkTimers(t, clk, n, seed) })
		case "mock":
			clk := bclock.NewMock()
			h.clock, drive = clk, advance(m.times, clk.Add, func(int) {})
		}
		result, left := h.play(t, drive)
		if clock == "" {
			time.Sleep(time.Minute) // until running attempts have ended
		}
		synctest.Wait()
		slices.Sort(h.lines)
		why := fmt.Sprintf("seed %d on clock %q: %+v", seed, clock, s)
		for i, line := range m.lines { // OnLate gets no attempt number for a Goexit
			if n := 0; len(line) > 0 {
				if _, err := fmt.Sscanf(line[len(fmt.Sprint(m.at(line))):], " late %d: 8", &n); err == nil {
					m.lines[i] = fmt.Sprintf("%v late Goexit", m.at(line))
				}
			}
		}
		slices.Sort(m.lines)
		require.Equal(t, m.lines, h.lines, why)
		if want := m.result; !sameResult(want, result) {
			require.Equal(t, want, result, why)
		}
		if h.caller != nil {
			require.Zero(t, h.caller.children.Load(), "contexts left behind, "+why)
		}
		if s.cfg.Budget == nil {
			require.EqualValues(t, m.tokens, left(), "tokens, "+why)
		}
	})
	return true
}

// at returns the moment at the start of a line.
func (m *model) at(line string) string {
	for i := range line {
		if line[i] == ' ' {
			return line[:i]
		}
	}
	return line
}

// sameResult compares results. A result has no attempt number for a Goexit.
func sameResult(want, got string) bool {
	if want == got {
		return true
	}
	var n int
	var at string
	_, err := fmt.Sscanf(want, "%s Goexit of %d", &at, &n)
	return err == nil && got == at+" Goexit"
}

func TestAHedgeBehavesLikeItsModel(t *testing.T) {
	for clock, histories := range map[string]uint64{"": 1500, "fake": 700, "mock": 100} {
		t.Run("clock "+clock, func(t *testing.T) {
			compared := 0
			for seed := range histories {
				if compare(t, scripted(rand.New(rand.NewPCG(seed, 14))), clock, seed) {
					compared++
				}
			}
			require.Greater(t, compared, int(histories)*9/10)
		})
	}
}
