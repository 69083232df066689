package chaos

import (
	"context"
	"strconv"
	"time"

	"github.com/ductile-go/ductile/internal/mark"
	"github.com/ductile-go/ductile/internal/prompt"
	"github.com/ductile-go/ductile/policy"
)

// promptly is embedded by policies that run the inner call at once, as an injector that is
// off does. One that is on calls Delayed instead.
type promptly = prompt.Mark

// kind is the Policy field of an injector's events.
const kind = "chaos"

// Injector is a policy that injects faults into a share of the calls. Make one with [Fault],
// [Latency], [Outcome], [Behavior] or [Detour]; the zero Injector is not usable. It is safe for
// concurrent use, and so are its methods On and Off.
//
// Put it innermost: every other policy then treats what it injects as the dependency's own
// errors and delays. Injectors beside each other draw independently, so two of 50 % act in 75 % of the
// calls; see [Mix].
//
// It emits Injected for each injection, with the kind ("fault", "latency", "outcome",
// "behavior" or "detour") as Reason, and Delay (latency) or Err (all others, and a function
// that panics).
type Injector[T any] struct {
	promptly
	injection
	act func(ctx context.Context, p *Injector[T], next policy.Call[T]) (T, error)
}

// On switches the injector on, for calls that begin after it. It has no effect on an
// injector with a When.
func (p *Injector[T]) On() { p.turn(true) }

// Off switches the injector off, for calls that begin after it. Calls that already wait in a
// Latency go on waiting. It has no effect on an injector with a When.
func (p *Injector[T]) Off() { p.turn(false) }

func (p *Injector[T]) turn(on bool) {
	if p.cfg.When == nil {
		p.enabled.Store(on)
	}
}

// Enabled reports whether the injector is on. With a When, it returns true.
func (p *Injector[T]) Enabled() bool { return p.enabled.Load() }

// Name returns the injector's name.
func (p *Injector[T]) Name() string { return p.cfg.Name }

// Clock returns the injector's clock, or nil for real time.
func (p *Injector[T]) Clock() policy.Clock { return p.cfg.Clock }

// Config returns the injector's config, with the seed that it uses and, unless there is a
// When, the current position of the switch as Enabled.
func (p *Injector[T]) Config() Config {
	cfg := p.cfg
	if cfg.When == nil {
		cfg.Enabled = p.Enabled()
	}
	return cfg
}

// Describe returns the kind, "chaos", the injector's name, its kind of injection with the
// rate, and its Config.
func (p *Injector[T]) Describe() policy.Description {
	return policy.Description{Kind: kind, Name: p.cfg.Name, Detail: p.detail(), Config: p.Config()}
}

// detail returns "fault 20%", or "fault" if the rate is not fixed.
func (in *injection) detail() string {
	if in.cfg.RateFunc != nil {
		return in.kind
	}
	return in.kind + " " + strconv.FormatFloat(100*in.cfg.Rate, 'g', 6, 64) + "%"
}

// String returns "chaos(stripe, fault 20%)": the name, if any, the kind and the rate.
func (p *Injector[T]) String() string { return p.Describe().String() }

// Do runs fn, or injects something instead or before. It removes the outer marks of package
// retry and of breaker.Judge from the error. It panics if fn is nil.
func (p *Injector[T]) Do(ctx context.Context, fn policy.Func[T]) (T, error) {
	if fn == nil {
		panic("chaos: Injector.Do: fn is nil, want a function")
	}
	v, err := p.Execute(ctx, policy.CallOf(fn))
	return v, mark.Without(err)
}

// Execute runs next, or injects something instead or before.
func (p *Injector[T]) Execute(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if !p.enabled.Load() && next.Checked() {
		return next.Do(ctx)
	}
	return p.roll(ctx, next)
}

// roll is Execute of an injector that is on, or that runs alone.
func (p *Injector[T]) roll(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	hit := p.on(ctx) && p.hits(ctx)
	next.Delayed() // what follows and the functions of Config may take time
	if !hit {
		return proceed(ctx, next)
	}
	return p.inject(ctx, next)
}

// inject acts in a call, unless its context has ended.
func (p *Injector[T]) inject(ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	return p.act(ctx, p, next)
}

// proceed runs next after an author's function, which may have taken until the end of ctx.
func proceed[T any](ctx context.Context, next policy.Call[T]) (v T, err error) {
	if ctx.Err() != nil {
		return v, policy.Ended(ctx)
	}
	return next.Do(ctx)
}

// Refusal returns [policy.ErrUndetermined] while the injector is on, since an injection may
// take the place of what the inner policies would do. While it is off, it returns nil, so
// that they are asked.
func (p *Injector[T]) Refusal(context.Context, time.Duration) error {
	if p.enabled.Load() {
		return policy.ErrUndetermined
	}
	return nil
}
