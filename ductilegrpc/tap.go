package ductilegrpc

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/tap"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
)

// Tap returns a handle for [google.golang.org/grpc.InTapHandle], which refuses calls before
// they cost a goroutine and the reading of their message. A refusal leaves as
// ResourceExhausted, with RetryInfo where the wait is known, of a limiter; one by
// MinRemaining leaves as DeadlineExceeded. gRPC sends no trailer for a tap, so there is no
// pushback.
//
// gRPC calls a tap on the goroutine that reads the connection, with a lock held. So it never
// waits: a call that finds no token or no free place is refused, whatever queue there is. And
// Priority, Caller and Observer, which gets Rejected alone, must be quick and must not panic:
// no interceptor recovers a panic of a tap, so it ends the program.
//
// A place is held until the call ends, or the client leaves. With [UnaryServer] and
// [StreamServer] beside the tap, it is held until the handler has returned: they take over
// what the tap has taken from a Gate, limiter or throttle that they share with it, so that a
// call takes one token and one place. Throttle and Adaptive need them, since a tap does not
// learn how a call ended. MaxTimeout and Classify do nothing in a tap.
//
// Tap panics with the error of Validate if cfg is invalid.
func Tap(cfg ServerConfig) tap.ServerInHandle {
	cfg.checked()
	return (&tapper{cfg: cfg, remaining: &remainingError{cfg.MinRemaining}}).handle
}

type tapper struct {
	cfg       ServerConfig
	remaining *remainingError
}

// refused is an error of a policy and its event.
type refused struct {
	err   error
	event policy.Event
}

// handle returns the context for the call, with its ticket, or the status of a refusal.
func (t *tapper) handle(ctx context.Context, info *tap.Info) (context.Context, error) {
	if ctx.Err() != nil {
		return ctx, nil //nolint:nilerr // gRPC aborts the call
	}
	if t.cfg.Observer != nil || t.cfg.Caller != nil {
		ctx = withMethod(ctx, info.FullMethodName)
	}
	if t.cfg.Priority != nil {
		ctx = policy.WithPriority(ctx, t.cfg.Priority(ctx, info.FullMethodName))
	}
	k := new(ticket)
	if r := t.admit(ctx, k); r != nil {
		k.end() // what outer policies gave
		if t.cfg.Observer != nil {
			t.cfg.Observer(ctx, label(r.event, info.FullMethodName))
		}
		return ctx, tapStatus(r.err)
	}
	if len(k.parts) == 0 {
		return ctx, nil
	}
	k.stop = context.AfterFunc(ctx, k.end)
	return context.WithValue(ctx, ticketKey{}, k), nil
}

// tapStatus returns the status that a refusal leaves with.
func tapStatus(err error) error {
	code := codes.ResourceExhausted
	if errors.Is(err, ErrRemaining) {
		code = codes.DeadlineExceeded
	}
	st, _ := refusal(code, messageOf(err), waitOf(err, code))
	return st.Err()
}

// admit asks the policies in their order and adds what they gave to k.
func (t *tapper) admit(ctx context.Context, k *ticket) *refused {
	if t.cfg.MinRemaining > 0 && t.remaining.short(ctx, t.cfg.Clock) {
		return &refused{t.remaining, t.remaining.event()}
	}
	for _, ask := range []func(*tapper, context.Context, *ticket) *refused{
		(*tapper).askCaller, (*tapper).askLimiter, (*tapper).askThrottle, (*tapper).askGate, (*tapper).askAdaptive,
	} {
		if r := ask(t, ctx, k); r != nil {
			return r
		}
	}
	return nil
}

func (t *tapper) askCaller(ctx context.Context, k *ticket) *refused {
	if t.cfg.Limiters == nil {
		return nil
	}
	key, ok := t.cfg.Caller(ctx, methodOf(ctx))
	if !ok {
		return nil
	}
	pin := t.cfg.Limiters.Pin(key)
	defer pin.Release()
	r := reserve(ctx, pin.Value(), t.cfg.Limiters, k)
	if r != nil {
		r.event.Key = key
	}
	return r
}

func (t *tapper) askLimiter(ctx context.Context, k *ticket) *refused {
	if t.cfg.Limiter == nil {
		return nil
	}
	return reserve(ctx, t.cfg.Limiter, t.cfg.Limiter, k)
}

// reserve takes the tokens of a call from l, if they are there.
func reserve(ctx context.Context, l *ratelimit.Limiter, state any, k *ticket) *refused {
	n := 1
	if cost := l.Config().Cost; cost != nil {
		n = cost(ctx)
	}
	if _, err := l.Reserve(n, 0); err != nil {
		reason := "limit"
		switch {
		case errors.Is(err, ratelimit.ErrCost):
			reason = "cost"
		case l.Snapshot().Paused > 0:
			reason = "paused"
		}
		return rejection("ratelimit", l.Name(), reason, err)
	}
	k.add(state, nil)
	return nil
}

func (t *tapper) askThrottle(ctx context.Context, k *ticket) *refused {
	if t.cfg.Throttle == nil {
		return nil
	}
	permit, err := t.cfg.Throttle.Acquire(ctx)
	if err != nil {
		return rejection("throttle", t.cfg.Throttle.Name(), "throttled", err)
	}
	k.add(t.cfg.Throttle, func(o policy.Outcome) { permit.Record(o) })
	return nil
}

func (t *tapper) askGate(ctx context.Context, k *ticket) *refused {
	if t.cfg.Gate == nil {
		return nil
	}
	place, ok := t.cfg.Gate.TryAcquire()
	if !ok {
		var err error
		// Acquire has the error. A speculative call does not wait in it.
		if place, err = t.cfg.Gate.Acquire(policy.WithSpeculative(ctx)); err != nil {
			return rejection("bulkhead", t.cfg.Gate.Name(), bulkhead.ReasonQueueFull, err)
		}
	}
	k.add(t.cfg.Gate, func(policy.Outcome) { place.Release() })
	return nil
}

func (t *tapper) askAdaptive(ctx context.Context, k *ticket) *refused {
	if t.cfg.Adaptive == nil {
		return nil
	}
	permit, err := t.cfg.Adaptive.Acquire(policy.WithSpeculative(ctx))
	if err != nil {
		return rejection("adaptive", t.cfg.Adaptive.Name(), bulkhead.ReasonQueueFull, err)
	}
	k.add(t.cfg.Adaptive, func(o policy.Outcome) { permit.Record(o) })
	return nil
}

func rejection(kind, name, reason string, err error) *refused {
	return &refused{err, policy.Event{Kind: policy.Rejected, Policy: kind, Name: name, Reason: reason, Err: err}}
}
