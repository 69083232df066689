package adaptive_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	bclock "github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
)

// clocks lists the clocks under test, each with the function that advances it.
func clocks() map[string]func() (policy.Clock, func(time.Duration)) {
	return map[string]func() (policy.Clock, func(time.Duration)){
		"fake":        func() (policy.Clock, func(time.Duration)) { c := fake.NewClock(); return c, c.Advance },
		"benbjohnson": func() (policy.Clock, func(time.Duration)) { c := bclock.NewMock(); return c, c.Add },
		"synctest":    func() (policy.Clock, func(time.Duration)) { return nil, time.Sleep },
	}
}

func TestLatenciesAndWaitsAreMeasuredOnTheLimitersClock(t *testing.T) {
	for name, build := range clocks() {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				clk, pass := build()
				var at time.Time
				l, permit := taken(t, adaptive.Config{
					Target: 50 * ms, MinCalls: 1, Window: ms, MaxQueue: 1, MaxWait: 20 * ms, Clock: clk,
					OnChange: func(c adaptive.Change) { at = c.At },
				})
				waited := make(chan error, 1)
				go func() {
					_, err := l.Acquire(context.Background())
					waited <- err
				}()
				synctest.Wait()
				pass(19 * ms)
				synctest.Wait()
				assert.Equal(t, 1, l.Snapshot().Waiting)
				pass(ms)
				synctest.Wait()
				require.ErrorIs(t, <-waited, adaptive.ErrLimited)
				pass(30 * ms)
				permit.Record(policy.Success)
				assert.Equal(t, 2, l.Limit(), "50 ms is within the target")
				assert.True(t, policy.Now(clk).Equal(at), "%v", at)
			})
		})
	}
}

// Each bubble has a clock of its own.
func TestALimiterMadeOutsideABubbleWorksInSeveral(t *testing.T) {
	for name, target := range map[string]time.Duration{"climb": 0, "aimd": 50 * ms} {
		l := adaptive.NewLimiter(adaptive.Config{Initial: 2, Target: target, MinCalls: 2, Window: ms, MaxQueue: 5})
		_, err := adaptive.Do(t.Context(), l, one)
		require.NoError(t, err)
		for range 3 {
			before := l.Limit()
			bubble(t, func(t *testing.T) {
				for wave := 0; l.Limit() == before && wave < 1000; wave++ {
					for range l.Limit() {
						go func() {
							_, err := adaptive.Do(context.Background(), l, func(context.Context) (int, error) { time.Sleep(10 * ms); return 1, nil })
							assert.NoError(t, err)
						}()
					}
					time.Sleep(time.Second / 50)
				}
				synctest.Wait()
			})
			assert.NotEqual(t, before, l.Limit(), name)
			assert.Zero(t, l.Snapshot().InUse)
		}
	}
}

// broken is a clock that panics when it is read for the nth time.
type broken struct {
	*fake.Clock
	left int
}

var errBroken = errors.New("a clock that breaks")

func (b *broken) Now() time.Time {
	if b.left--; b.left == 0 {
		panic(errBroken)
	}
	return b.Clock.Now()
}

func TestAClockThatPanicsLosesNoPlace(t *testing.T) {
	heard := 0
	for n := 1; n < 40; n++ {
		clk := &broken{Clock: fake.NewClock()}
		l := adaptive.NewLimiter(adaptive.Config{
			Initial: 4, Target: time.Second, MinCalls: 2, Window: 1, Clock: clk, OnChange: func(adaptive.Change) { heard++ },
		})
		clk.left = n
		a, release := kept(l)
		panics := 0
		for i := range 16 {
			call := func() {
				_, _ = adaptive.Do(t.Context(), l, func(context.Context) (int, error) { clk.Advance(1); return 1, nil })
			}
			if i%4 == 3 {
				call = func() {
					if _, err := a.Do(t.Context(), one); err == nil {
						release()
					}
				}
			}
			func() {
				defer func() {
					if recover() != nil {
						panics++
					}
				}()
				p, err := l.Acquire(t.Context())
				require.NoError(t, err)
				clk.Advance(1)
				defer p.Record(policy.Success)
				call()
				more := make([]adaptive.Permit, l.Limit()-1)
				for i := range more {
					more[i], err = l.Acquire(t.Context())
					require.NoError(t, err)
					defer more[i].Record(policy.Success)
				}
			}()
			require.Zero(t, l.Snapshot().InUse, "panic at reading %d", n)
		}
		require.Equal(t, 1, panics)
	}
	assert.Positive(t, heard)
}

// A climber that had moved on, while the limit stayed, compared a limit with itself.
func TestAClimberSurvivesAClockThatPanics(t *testing.T) {
	for n := 1; n < 60; n++ {
		clk := &broken{Clock: fake.NewClock()}
		l := adaptive.NewLimiter(adaptive.Config{
			Initial: 4, Max: 50, MinCalls: 1, Window: ms, Clock: clk, OnChange: func(adaptive.Change) {},
		})
		clk.left = n
		quietly := func(f func()) {
			defer func() { _ = recover() }()
			f()
		}
		for range 60 {
			permits := make([]adaptive.Permit, l.Limit())
			for i := range permits {
				quietly(func() { permits[i], _ = l.Acquire(t.Context()) })
			}
			clk.Advance(10 * ms)
			for i := range permits {
				quietly(func() { permits[i].Record(policy.Success) })
			}
			require.Zero(t, l.Snapshot().InUse, "panic at reading %d", n)
			require.LessOrEqual(t, 1, l.Limit(), "panic at reading %d", n)
			require.LessOrEqual(t, l.Limit(), 50, "panic at reading %d", n)
		}
		require.Greater(t, l.Limit(), 12, "throughput grows with the limit; panic at reading %d", n)
	}
}
