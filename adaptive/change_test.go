package adaptive_test

import (
	"bytes"
	"context"
	"log"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
)

// heard is a listener that keeps what it hears.
type heard struct {
	mu  sync.Mutex
	all []adaptive.Change
}

func (h *heard) hear(c adaptive.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, c)
}

// follows checks that each change begins where the one before ended.
func (h *heard) follows(t *testing.T, from, to int) {
	t.Helper()
	for i, c := range h.all {
		require.Equal(t, from, c.From, "change %d", i)
		require.NotEqual(t, c.From, c.To)
		from = c.To
	}
	require.Equal(t, to, from)
}

func TestOnChangeHearsEachChangeOnceAndInOrder(t *testing.T) {
	var h heard
	r := newRig(t, adaptive.Config{Name: "db", Initial: 10, Target: 50 * ms, OnChange: h.hear})
	r.wave(10, 60*ms)
	at := r.clk.Now()
	r.wave(9, 40*ms)
	r.wave(9, 40*ms)
	assert.Equal(t, []adaptive.Change{{"db", 10, 9, at}, {"db", 9, 10, at.Add(80 * ms)}}, h.all)
}

// A listener runs outside of all locks and holds no place: it may use the limiter, even
// move its limit.
func TestOnChangeMayUseTheLimiter(t *testing.T) {
	var h heard
	var r *rig
	depth := 0
	r = newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms, OnChange: func(c adaptive.Change) {
		h.hear(c)
		assert.Equal(t, r.Limit(), c.To)
		if depth++; depth < 5 {
			r.wave(c.To, 60*ms)
			r.wave(c.To, 60*ms)
		}
	}})
	r.wave(10, 60*ms)
	h.follows(t, 10, r.Limit())
	assert.Zero(t, r.Snapshot().InUse)
}

func TestAPanicInOnChangeIsLoggedAndLosesNothing(t *testing.T) {
	var out bytes.Buffer
	was := log.Writer()
	log.SetOutput(&out)
	defer log.SetOutput(was)
	var h heard
	r := newRig(t, adaptive.Config{Name: "db", Initial: 10, Target: 50 * ms, OnChange: func(c adaptive.Change) {
		h.hear(c)
		panic("boom")
	}})
	for range 3 {
		r.wave(r.Limit(), 60*ms)
		r.wave(r.Limit(), 60*ms)
	}
	h.follows(t, 10, r.Limit())
	assert.GreaterOrEqual(t, len(h.all), 3)
	assert.Contains(t, out.String(), `adaptive: OnChange of limiter "db" panicked: boom`)
	assert.Zero(t, r.Snapshot().InUse)
}

func TestGoexitInOnChangeLosesNothing(t *testing.T) {
	var h heard
	r := newRig(t, adaptive.Config{Initial: 10, Target: 50 * ms, OnChange: func(c adaptive.Change) {
		h.hear(c)
		runtime.Goexit()
	}})
	for range 6 {
		permits := r.take(r.Limit())
		r.clk.Advance(60 * ms)
		var all sync.WaitGroup
		for _, p := range permits {
			all.Go(func() { p.Record(policy.Success) })
		}
		all.Wait()
	}
	h.follows(t, 10, r.Limit())
	assert.NotEmpty(t, h.all)
	assert.Zero(t, r.Snapshot().InUse)
}

// failsafe-go's limiter unlocks while it updates: with a listener that blocks, four more
// updates of the same window ran, and the first then wrote over them.
func TestABlockedOnChangeHoldsUpNeitherPlacesNorWindows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var h heard
		release := make(chan struct{})
		l := adaptive.NewLimiter(adaptive.Config{
			Initial: 10, Target: 50 * ms, MinCalls: 10, Window: ms,
			OnChange: func(c adaptive.Change) { <-release; h.hear(c) },
		})
		slow := func() {
			_, err := adaptive.Do(t.Context(), l, func(context.Context) (int, error) { time.Sleep(60 * ms); return 1, nil })
			assert.NoError(t, err)
		}
		var all sync.WaitGroup
		for _, want := range []int{9, 8, 7} {
			for range 2 {
				for range 6 {
					all.Go(slow)
				}
				time.Sleep(time.Second)
			}
			assert.Equal(t, want, l.Limit(), "one update of each window")
			assert.Zero(t, l.Snapshot().InUse)
		}
		close(release)
		all.Wait()
		h.follows(t, 10, 7)
		assert.Len(t, h.all, 3)
	})
}

func TestChangesOfConcurrentWindowsAreHeardInOrder(t *testing.T) {
	var h heard
	l := adaptive.NewLimiter(adaptive.Config{Initial: 50, MinCalls: 1, Window: 1, Target: 1, OnChange: h.hear, Min: 2})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 2000 {
				if p, err := l.Acquire(context.Background()); err == nil {
					runtime.Gosched()
					p.Record(policy.Success)
				}
			}
		})
	}
	all.Wait()
	h.follows(t, 50, l.Limit())
	assert.NotEmpty(t, h.all)
}
