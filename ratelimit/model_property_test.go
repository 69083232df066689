package ratelimit_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ratelimit"
)

var (
	histories = flag.Int("histories", 150, "number of histories in the property tests")
	firstSeed = flag.Uint64("seed", 1, "seed of the first history")
)

// call is a Wait in progress.
type call struct {
	*entry
	cancel context.CancelFunc
	left   bool
	done   bool
	took   time.Duration // when it returned, since the start
	err    error
}

// held is a reservation, at the limiter and in the model.
type held struct {
	*entry
	ratelimit.Reservation
}

// player plays a random history on a limiter and its model, in a bubble.
type player struct {
	t     *testing.T
	rnd   *rand.Rand
	l     *ratelimit.Limiter
	m     *model
	start time.Time
	calls []*call
	held  []*held
	ids   int
	trace []string // the steps, logged if the history fails
	group sync.WaitGroup
	mu    sync.Mutex
}

func (p *player) note(format string, args ...any) {
	p.trace = append(p.trace, fmt.Sprintf("%v: ", time.Since(p.start))+fmt.Sprintf(format, args...))
}

func (p *player) now() int64 { return int64(time.Since(p.start)) * tick }

// tokens draws the number of tokens for an operation, sometimes more than the burst.
func (p *player) tokens() int { return 1 + p.rnd.IntN(p.m.burst+p.rnd.IntN(8)/7) }

func (p *player) entry(fixed bool) *entry {
	p.ids++
	return &entry{id: p.ids, tokens: p.tokens(), fixed: fixed}
}

func (p *player) allow() {
	e := p.entry(false)
	_, want := p.m.book(e, p.now(), 0)
	p.note("Allow(%d): %v", e.tokens, want)
	require.Equal(p.t, want, p.l.Allow(e.tokens), "Allow(%d) at %v", e.tokens, time.Since(p.start))
}

func (p *player) wait() {
	c := &call{entry: p.entry(false)}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	most := time.Duration(-1)
	if p.rnd.IntN(3) == 0 {
		most = time.Duration(1 + p.rnd.Int64N(int64(3*time.Second)))
		ctx, cancel = context.WithTimeout(ctx, most)
		c.cancel = cancel
	}
	p.calls = append(p.calls, c)
	p.group.Go(func() {
		err := p.l.Wait(ctx, c.tokens)
		p.mu.Lock()
		defer p.mu.Unlock()
		c.done, c.err, c.took = true, err, time.Since(p.start)
	})
	now, ticks := p.now(), int64(1)<<59
	if most > 0 {
		ticks = int64(most)*tick - 1
	}
	due, ok := p.m.book(c.entry, now, ticks)
	p.note("Wait %d(%d) for %v: %v, due %d", c.id, c.tokens, most, ok, due-now)
	switch {
	case !ok:
		c.refused, c.at = true, time.Duration(now/tick)
	case due == now:
		c.at = time.Duration(now / tick)
	}
	synctest.Wait()
}

func (p *player) reserve() {
	e := p.entry(true)
	most := time.Duration(p.rnd.Int64N(int64(3 * time.Second)))
	now := p.now()
	due, ok := p.m.book(e, now, int64(most)*tick)
	p.note("Reserve %d(%d) for %v: %v, due %d", e.id, e.tokens, most, ok, due-now)
	r, err := p.l.Reserve(e.tokens, most)
	require.Equal(p.t, ok, err == nil, "Reserve(%d, %v) at %v", e.tokens, most, time.Since(p.start))
	if ok {
		require.Equal(p.t, time.Duration((due-now+tick-1)/tick), r.Delay())
		p.held = append(p.held, &held{e, r})
	}
}

func (p *player) cancel() {
	if len(p.calls) > 0 && p.rnd.IntN(2) == 0 {
		c := p.calls[p.rnd.IntN(len(p.calls))]
		if p.m.cancel(c.entry, p.now()) {
			c.left, c.at = true, time.Duration(p.now()/tick)
		}
		p.note("cancel %d: %v", c.id, c.left)
		c.cancel()
		synctest.Wait()
	} else if len(p.held) > 0 {
		h := p.held[p.rnd.IntN(len(p.held))]
		p.note("Cancel %d: %v", h.id, p.m.cancel(h.entry, p.now()))
		h.Cancel()
	}
	p.m.pass(p.now())
	synctest.Wait()
}

func (p *player) change() {
	now := p.now()
	if p.rnd.IntN(2) == 0 {
		d := time.Duration(p.rnd.Int64N(int64(time.Second)))
		p.note("Pause(%v)", d)
		p.l.Pause(d)
		p.m.pause(now, d)
	} else {
		limit, burst := 1+p.rnd.IntN(30), 1+p.rnd.IntN(6)
		p.note("SetRate(%d, %d)", limit, burst)
		if p.rnd.IntN(2) == 0 {
			p.l.SetRate(limit, time.Second, burst)
		} else { // the same, and no call of Wait looks at MaxWait
			cfg := ratelimit.Config{Limit: limit, Burst: burst, MaxWait: time.Duration(p.rnd.Int64N(int64(time.Second)))}
			require.NoError(p.t, p.l.Reconfigure(cfg))
		}
		p.m.setRate(now, limit, time.Second, burst)
	}
	p.m.pass(now)
	synctest.Wait()
}

func (p *player) check() {
	s := p.l.Snapshot()
	require.Equal(p.t, p.m.waiting(), s.Waiting, "waiting at %v", time.Since(p.start))
	require.Equal(p.t, p.m.tokens(p.now()), s.Tokens, "tokens at %v", time.Since(p.start))
	for _, h := range p.held {
		want := time.Duration(0)
		if left := h.due - p.now(); left > 0 && p.m.has(h.entry) {
			want = time.Duration((left + tick - 1) / tick)
		}
		require.Equal(p.t, want, h.Delay(), "reservation %d at %v", h.id, time.Since(p.start))
	}
}

func (m *model) has(e *entry) bool {
	for _, o := range m.line {
		if o == e {
			return true
		}
	}
	return false
}

func (p *player) end() {
	time.Sleep(24 * time.Hour)
	synctest.Wait()
	p.m.pass(p.now())
	p.group.Wait()
	for _, c := range p.calls {
		require.True(p.t, c.done)
		require.Equal(p.t, c.at, c.took, "call %d", c.id)
		switch {
		case c.refused:
			require.ErrorIs(p.t, c.err, map[bool]error{true: ratelimit.ErrCost, false: ratelimit.ErrExceeded}[errors.Is(c.err, ratelimit.ErrCost)])
		case c.left:
			require.ErrorIs(p.t, c.err, context.Canceled)
		default:
			require.NoError(p.t, c.err)
		}
		c.cancel()
	}
}

// A limiter behaves like a model that walks the whole line for each question: it admits
// the same calls, serves the same waiters in the same nanosecond, and promises the same
// times.
func TestALimiterBehavesLikeItsModel(t *testing.T) {
	for n := range *histories {
		seed := *firstSeed + uint64(n)
		synctest.Test(t, func(t *testing.T) {
			p := &player{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), start: time.Now()}
			limit, burst := 1+p.rnd.IntN(30), 1+p.rnd.IntN(6)
			p.l = ratelimit.NewLimiter(ratelimit.Config{Limit: limit, Burst: burst})
			p.m = newModel(limit, time.Second, burst)
			changes, promises := p.rnd.IntN(2), p.rnd.IntN(3)
			defer func() {
				for _, c := range p.calls {
					c.cancel()
				}
				if t.Failed() {
					t.Logf("seed %d\n%s", seed, strings.Join(p.trace, "\n"))
				}
			}()
			for range 80 {
				time.Sleep(time.Duration(p.rnd.Int64N(int64(150 * time.Millisecond))))
				synctest.Wait()
				p.m.pass(p.now())
				switch k := p.rnd.IntN(10); {
				case k < 2:
					p.allow()
				case k < 5 && (promises > 0 || k < 3):
					p.wait()
				case k < 7:
					p.reserve()
				case k < 9:
					p.cancel()
				case changes == 1:
					p.change()
				}
				p.m.pass(p.now())
				p.check()
			}
			p.end()
		})
	}
}
