package retry_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func TestAValueIsDiscardedIfAUsersFunctionEndsTheCall(t *testing.T) {
	users := map[string]func(end func()) *retry.Retry[int]{
		"RetryIf": func(end func()) *retry.Retry[int] {
			return retry.New[int](retry.Config{RetryIf: func(error) bool { end(); return true }})
		},
		"Backoff": func(end func()) *retry.Retry[int] {
			return retry.New[int](retry.Config{Backoff: func(retry.Step) time.Duration { end(); return 0 }})
		},
		"OnRetry": func(end func()) *retry.Retry[int] {
			return retry.New[int](retry.Config{OnRetry: func(context.Context, policy.Event) { end() }})
		},
		"Rand": func(end func()) *retry.Retry[int] {
			return retry.New[int](retry.Config{Rand: func() float64 { end(); return 0 }})
		},
		"WithCondition": func(end func()) *retry.Retry[int] {
			return retry.New[int](retry.Config{}).WithCondition(func(int, error) bool { end(); return true })
		},
		"WithDiscard": func(func()) *retry.Retry[int] { return retry.New[int](retry.Config{}) }, // ends the call itself
	}
	for name, build := range users {
		for how, end := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
			var discarded []int
			r := build(end).WithDiscard(func(v int) {
				discarded = append(discarded, v)
				if name == "WithDiscard" {
					end()
				}
			})
			returned := contained(func() {
				_, _ = r.Do(t.Context(), func(context.Context) (int, error) { return 7, errDown })
			})
			assert.False(t, returned, "%s: %s", name, how)
			assert.Equal(t, []int{7}, discarded, "%s: %s", name, how)
		}
	}
}

func TestAValueIsDiscardedIfAnObserverPanics(t *testing.T) {
	for _, kind := range []policy.EventKind{policy.Attempted, policy.Retried, policy.Recovered, policy.GaveUp} {
		for _, fails := range []bool{true, false} {
			var discarded []int
			r := retry.New[int](retry.Config{MaxAttempts: 2, BaseDelay: retry.NoDelay}).
				WithDiscard(func(v int) { discarded = append(discarded, v) })
			p := pipeline.New[int](r).WithObserver(func(context.Context, policy.Event) { panic("boom") }, kind)
			made := 0
			returned := contained(func() {
				_, _ = p.Do(t.Context(), func(context.Context) (int, error) {
					if made++; fails || made == 1 && kind == policy.Recovered {
						return made, errDown
					}
					return made, nil
				})
			})
			if returned {
				assert.NotContains(t, discarded, made, "the caller has it")
				continue
			}
			want := []int{1}
			if made == 2 {
				want = []int{1, 2}
			}
			assert.Equal(t, want, discarded, "%s, the function fails: %v", kind, fails)
		}
	}
}

// contained runs f on a goroutine of its own and reports whether it returned.
func contained(f func()) (returned bool) {
	var done sync.WaitGroup
	done.Go(func() {
		defer func() { _ = recover() }()
		f()
		returned = true
	})
	done.Wait()
	return returned
}
