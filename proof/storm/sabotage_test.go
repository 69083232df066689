package storm

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/policy"
)

type does func(ctx context.Context, next policy.Call[int]) (int, error)

func (d does) Execute(ctx context.Context, next policy.Call[int]) (int, error) { return d(ctx, next) }

// saboteurs are innermost policies that break one thing each. The key is part of the fault that
// the storm must report.
var saboteurs = map[string]func(s *scene) policy.Policy[int]{
	"children of the caller's context are left": func(*scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			inner, cancel := context.WithCancel(ctx)
			context.AfterFunc(ctx, cancel)
			return next.Do(inner)
		})
	},
	"some were not given back": func(s *scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			_, _ = s.tallies[0].circuit.Acquire()
			return next.Do(ctx)
		})
	},
	"with a deadline in": func(s *scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			v, err := next.Do(ctx)
			s.ground.pause(time.Second)
			return v, err
		})
	},
	"under limits of": func(s *scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			v, err := next.Do(ctx)
			s.ground.pause(time.Second)
			return v, err
		})
	},
	"runs began": func(*scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			ctx.Value(callKey{}).(*call).started.Add(-1)
			return next.Do(ctx)
		})
	},
	"want the function's": func(*scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			defer func() {
				if recover() != nil {
					panic("another")
				}
			}()
			return next.Do(ctx)
		})
	},
	"a goroutine is left": func(*scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			go func() { select {} }()
			return next.Do(ctx)
		})
	},
	"waiters are left on the clock": func(s *scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			if s.clock != nil {
				_, cancel := s.clock.WithTimeout(context.Background(), 1000*time.Hour)
				context.AfterFunc(context.Background(), cancel)
			}
			return next.Do(ctx)
		})
	},
	"1 circuits and 0 callers are held": func(s *scene) policy.Policy[int] {
		c, once := s.tallies[0].circuit, sync.Once{}
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			once.Do(func() { time.AfterFunc(time.Hour, func() { c.State() }) })
			return next.Do(ctx)
		})
	},
	"0 circuits and 1 callers are held": func(*scene) policy.Policy[int] {
		var once sync.Once
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			caller := ctx.Value(callKey{}).(*call).caller
			once.Do(func() { time.AfterFunc(time.Hour, func() { _ = caller.Err() }) })
			return next.Do(ctx)
		})
	},
	"had counted": func(s *scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			for _, t := range s.tallies {
				if p, err := t.circuit.Acquire(); err == nil {
					p.Record(policy.Ignored)
				}
			}
			return next.Do(ctx)
		})
	},
	"Finished": func(*scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			next.Emit(ctx, policy.Event{Kind: policy.Finished})
			return next.Do(ctx)
		})
	},
}

func TestTheAuditFindsEachSaboteur(t *testing.T) {
	raced.Skip(t, planted)
	for want, broken := range saboteurs {
		t.Run(want, func(t *testing.T) { requireFound(t, want, double{innermost: broken}) })
	}
}

// mostScenes is how many scenes are played to find a planted fault. Most are found in any of
// the first scenes. Two show only where callers share a pipeline and one of them leaves a
// queue, which is so in one scene of 200, and there in an order that the scheduler decides.
const mostScenes = 10_000

// requireFound plays scenes until the storm reports a fault that contains want.
func requireFound(t *testing.T, want string, d double) {
	t.Helper()
	var others []string
	for seed := uint64(1); seed <= mostScenes; seed++ {
		faults := enact(t, seed, d).faults
		if strings.Contains(strings.Join(faults, "\n"), want) {
			return
		}
		if len(others) < 20 {
			others = append(others, faults...)
		}
	}
	t.Fatalf("no scene reported %q, others:\n%s", want, strings.Join(others, "\n"))
}

func TestAHistoryThatDoesNotFollowFromTheSeedIsFound(t *testing.T) {
	random := func(s *scene) policy.Policy[int] {
		return does(func(ctx context.Context, next policy.Call[int]) (int, error) {
			s.ground.pause(time.Duration(rand.IntN(1000)))
			return next.Do(ctx)
		})
	}
	for seed := uint64(1); ; seed++ {
		if one := enact(t, seed, double{innermost: random}); one.alone {
			assert.Contains(t, difference(one.history.Bytes(), enact(t, seed, double{innermost: random}).history.Bytes()), "line ")
			return
		}
	}
}
