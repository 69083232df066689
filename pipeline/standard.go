package pipeline

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/same"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// Standard returns the pipeline that most calls want: total timeout > retry > hedge >
// breaker > throttle > rate limit > attempt timeout > bulkhead. It leaves out a policy whose
// field is nil, and a timeout that is negative. It panics with the error of
// [StandardConfig.Validate], or if Keep is for a type other than T.
func Standard[T any](cfg StandardConfig) *Pipeline[T] {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	total, attempt := cfg.timeouts()
	hold := holdOf[T](cfg.Keep)
	var policies []policy.Policy[T]
	if total > 0 {
		policies = append(policies, limit(cfg, "total", total, hold))
	}
	policies = append(policies, retrying[T](cfg, total))
	if cfg.Hedge != nil {
		policies = append(policies, hedging(cfg, hold))
	}
	if cfg.Circuit != nil {
		policies = append(policies, breaker.New[T](cfg.Circuit))
	}
	if cfg.Throttle != nil {
		policies = append(policies, throttle.New[T](cfg.Throttle))
	}
	if cfg.Limiter != nil {
		policies = append(policies, ratelimit.New[T](cfg.Limiter))
	}
	if attempt > 0 {
		policies = append(policies, limit(cfg, "attempt", attempt, hold))
	}
	if cfg.Gate != nil {
		policies = append(policies, bounding(cfg, hold))
	}
	return New(policies...).WithName(cfg.Name)
}

func retrying[T any](cfg StandardConfig, total time.Duration) policy.Policy[T] {
	r := bent(cfg.Retry, total)
	if r.Clock == nil {
		r.Clock = cfg.Clock
	}
	return retry.New[T](r)
}

func limit[T any](cfg StandardConfig, name string, after time.Duration, hold hold[T]) policy.Policy[T] {
	t := policy.NewTimeout[T](policy.TimeoutConfig{Name: name, After: after, Clock: cfg.Clock})
	if hold != nil {
		return t.WithKeep(hold)
	}
	return t
}

func hedging[T any](cfg StandardConfig, hold hold[T]) policy.Policy[T] {
	own := *cfg.Hedge
	if own.Clock == nil {
		own.Clock = cfg.Clock
	}
	h := hedge.New[T](own)
	if hold != nil {
		return h.WithKeep(hold).WithDiscard(closeOne[T])
	}
	return h
}

// closeOne closes a value that the caller does not get: it may hold a place in the gate.
func closeOne[T any](v T) {
	if c, ok := any(v).(io.Closer); ok && !same.Nil(c) {
		_ = c.Close()
	}
}

func bounding[T any](cfg StandardConfig, hold hold[T]) policy.Policy[T] {
	b := bulkhead.New[T](cfg.Gate)
	if hold != nil {
		return b.WithKeep(hold)
	}
	return b
}

// hold is a function for WithKeep.
type hold[T any] = func(ctx context.Context, v T, release func()) T

// holdOf returns keep as a function for values of type T, or nil if there is none.
func holdOf[T any](keep any) hold[T] {
	switch own := keep.(type) {
	case nil:
		return nil
	case hold[T]:
		return own
	case hold[any]:
		return func(ctx context.Context, v T, release func()) T {
			held := own(ctx, v, release)
			t, ok := held.(T)
			if !ok && !nilOf[T](held) {
				panic(fmt.Sprintf("pipeline: StandardConfig.Keep returned %s, want %v", typeOf(held), reflect.TypeFor[T]()))
			}
			return t
		}
	}
	faults := fault.Of(standardConfig)
	faults.Add("Keep", fmt.Sprintf("a %T", keep), fmt.Sprintf("a %v", reflect.TypeFor[func(context.Context, T, func()) T]()))
	panic(faults.Err())
}
