package throttle_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

func TestAnInvalidReconfigurationChangesNothing(t *testing.T) {
	clk := fake.NewClock()
	th := throttle.NewThrottle(throttle.Config{Name: "search", Clock: clk})
	was := th.Config()
	bad := throttle.Config{Name: "search", Clock: clk, K: 0.5}
	assert.Equal(t, bad.Validate(), th.Reconfigure(bad))
	assert.EqualError(t, th.Reconfigure(throttle.Config{Name: "ads", Clock: clk}),
		`throttle: Config.Name is "ads", want "search": a throttle keeps its name`)
	assert.EqualError(t, th.Reconfigure(throttle.Config{Name: "search"}),
		`throttle: Config.Clock is <nil>, want the *fake.Clock that throttle "search" was made with: a throttle keeps its clock`)
	assert.Equal(t, was, th.Config())
	assert.NoError(t, th.Reconfigure(throttle.Config{Name: "search", Clock: clk}), "equal, with its defaults")
	assert.Equal(t, was, th.Config())
}

func TestAWindowOfOneLengthKeepsItsCounts(t *testing.T) {
	cfg := throttle.Config{Clock: fake.NewClock(), Rand: always}
	th := filled(cfg, 20, 20)
	require.Zero(t, th.Snapshot().Rate)
	_, err := throttle.Do(t.Context(), th, succeed) // calms the throttle
	require.NoError(t, err)

	cfg.K = 1
	require.NoError(t, th.Reconfigure(cfg))
	assert.EqualValues(t, 41, th.Snapshot().Requests)
	_, err = throttle.Do(t.Context(), th, succeed)
	assert.ErrorIs(t, err, throttle.ErrThrottled, "what was calm is looked at again")

	cfg.K, cfg.MinCalls = 1, 100
	require.NoError(t, th.Reconfigure(cfg))
	_, err = throttle.Do(t.Context(), th, succeed)
	assert.NoError(t, err)
}

func TestAnotherWindowBeginsEmpty(t *testing.T) {
	cfg := throttle.Config{Clock: fake.NewClock(), Rand: always}
	th := filled(cfg, 100, 0)
	p, err := th.Acquire(policy.WithPriority(t.Context(), policy.Critical))
	require.NoError(t, err, "in flight")
	cfg.Window = time.Minute
	require.NoError(t, th.Reconfigure(cfg))
	assert.Equal(t, throttle.Snapshot{}, th.Snapshot())
	assert.True(t, th.Idle())
	_, err = throttle.Do(t.Context(), th, succeed)
	require.NoError(t, err)
	p.Record(policy.Success)
	assert.EqualValues(t, 2, th.Snapshot().Accepts, "calls in flight count")
}

func TestANewClassifierDecidesAboutCallsInFlight(t *testing.T) {
	cfg := throttle.Config{Clock: fake.NewClock()}
	th := throttle.NewThrottle(cfg)
	p := throttle.New[int](th)
	_, err := p.Do(t.Context(), func(context.Context) (int, error) {
		cfg.Classify = func(error) policy.Outcome { return policy.Success }
		require.NoError(t, th.Reconfigure(cfg))
		return 0, errDown
	})
	require.ErrorIs(t, err, errDown)
	assert.EqualValues(t, 1, th.Snapshot().Accepts)
	cfg.Classify = nil
	require.NoError(t, th.Reconfigure(cfg))
	_, err = p.Do(t.Context(), fail)
	require.ErrorIs(t, err, errDown)
	assert.EqualValues(t, 1, th.Snapshot().Accepts)
}

func TestNoRequestIsLostWhileAThrottleIsReconfigured(t *testing.T) {
	const callers, each = 8, 2000
	cfg := throttle.Config{Clock: fake.NewClock()}
	th := throttle.NewThrottle(cfg)
	p := throttle.New[int](th)
	var accepts atomic.Int64
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := range each {
				fn := succeed
				if (n+i)%3 == 0 {
					fn = fail
				}
				if _, err := p.Do(t.Context(), fn); err == nil {
					accepts.Add(1)
				}
			}
		})
	}
	group.Go(func() {
		for n := range 2000 {
			cfg.K, cfg.MinCalls, cfg.MaxReject = 1+float64(n%5)/2, 1+n%50, float64(1+n%9)/10
			assert.NoError(t, th.Reconfigure(cfg))
		}
	})
	group.Wait()
	s := th.Snapshot()
	assert.EqualValues(t, callers*each, s.Requests)
	assert.Equal(t, accepts.Load(), s.Accepts)
}
