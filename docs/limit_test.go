package docs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/policytest"
)

// DefaultMax is the default of LimitConfig.Max.
const DefaultMax = 10

// LimitConfig configures a Limit. The zero LimitConfig is valid.
type LimitConfig struct {
	// Name appears in events and errors.
	Name string
	// Max is the maximum number of concurrent calls. 0 means 10.
	Max int
}

// Validate returns nil if NewLimit accepts c, and otherwise all faults, joined.
func (c LimitConfig) Validate() error {
	faults := fault.Of("limit: LimitConfig")
	if c.Max < 0 {
		faults.Add("Max", c.Max, fmt.Sprintf("0 for the default, %d, or more", DefaultMax))
	}
	return faults.Err()
}

// Limit is a policy that limits the number of concurrent calls. Create one with
// NewLimit; the zero Limit refuses every call. It is safe for concurrent use.
type Limit[T any] struct {
	cfg     LimitConfig
	refusal error // made once, so that a rejection allocates nothing

	// taken is the number of calls in flight. It is changed by compare-and-swap: with an
	// Add that is undone above Max, a call could be refused because of another call that
	// is refused as well.
	taken atomic.Int64
}

// NewLimit returns a Limit. It panics with the error of Validate if cfg is invalid.
func NewLimit[T any](cfg LimitConfig) *Limit[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if cfg.Max == 0 {
		cfg.Max = DefaultMax
	}
	return &Limit[T]{cfg: cfg, refusal: fmt.Errorf("limit %s: %d calls are in flight: %w", cfg.Name, cfg.Max, policy.ErrRejected)}
}

// Execute runs next, or returns an error that matches policy.ErrRejected if Max calls are
// in flight.
func (l *Limit[T]) Execute(ctx context.Context, next policy.Call[T]) (T, error) {
	var zero T
	if ctx.Err() != nil {
		return zero, policy.Ended(ctx)
	}
	if !l.take() {
		if next.Observed(policy.Rejected) {
			next.Emit(ctx, policy.Event{Kind: policy.Rejected, Policy: "limit", Name: l.cfg.Name, Reason: "limit", Err: l.refusal})
		}
		return zero, l.refusal
	}
	defer l.taken.Add(-1)
	return next.Do(ctx)
}

func (l *Limit[T]) take() bool {
	for {
		taken := l.taken.Load()
		if taken >= int64(l.cfg.Max) {
			return false
		}
		if l.taken.CompareAndSwap(taken, taken+1) {
			return true
		}
	}
}

// Describe returns the kind, "limit", and the config with its defaults.
func (l *Limit[T]) Describe() policy.Description {
	return policy.Description{Kind: "limit", Name: l.cfg.Name, Config: l.cfg}
}

func TestLimitKeepsThePromisesOfEveryPolicy(t *testing.T) {
	for _, limit := range []int{0, 1, 64} {
		policytest.Run(t, func() policy.Policy[int] { return NewLimit[int](LimitConfig{Max: limit}) })
	}
}

// Calls begin and end in random order. The model is a number.
func TestLimitBehavesLikeItsModel(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		cfg := LimitConfig{Max: 1 + rnd.IntN(4)}
		l := NewLimit[int](cfg)
		inFlight := 0
		ends := make([]chan struct{}, 0, cfg.Max)
		done := make(chan error)
		for range 100 {
			if len(ends) > 0 && rnd.IntN(2) == 0 {
				i := rnd.IntN(len(ends))
				close(ends[i])
				require.NoError(t, <-done)
				ends = append(ends[:i], ends[i+1:]...)
				inFlight--
				continue
			}
			end, begun := make(chan struct{}), make(chan struct{})
			go func() {
				_, err := l.Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) {
					close(begun)
					<-end
					return 1, nil
				}))
				done <- err
			}()
			if inFlight == cfg.Max {
				require.ErrorIs(t, <-done, policy.ErrRejected, "seed %d", seed)
				continue
			}
			<-begun
			ends = append(ends, end)
			inFlight++
		}
		for _, end := range ends {
			close(end)
			require.NoError(t, <-done)
		}
	}
}

func FuzzLimitConfig(f *testing.F) {
	f.Add("db", 0)
	f.Add("", -1)
	f.Fuzz(func(t *testing.T, name string, limit int) {
		cfg := LimitConfig{Name: name, Max: limit}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { NewLimit[int](cfg) })
			return
		}
		v, err := NewLimit[int](cfg).Execute(t.Context(), policy.CallOf(func(context.Context) (int, error) { return 42, nil }))
		require.NoError(t, err)
		require.Equal(t, 42, v)
	})
}

func TestLimitAllocatesNothing(t *testing.T) {
	l := NewLimit[int](LimitConfig{Max: 1})
	call := policy.CallOf(func(context.Context) (int, error) { return 1, nil })
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = l.Execute(context.Background(), call) }), "a success")
	l.taken.Add(1)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = l.Execute(context.Background(), call) }), "a rejection")
}
