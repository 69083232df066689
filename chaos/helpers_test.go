package chaos_test

import (
	"context"
	"errors"
	"time"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("connection refused")

func failing(context.Context) error { return errDown }

func nothing(context.Context) error { return nil }

func lasting(d time.Duration) func(context.Context) time.Duration {
	return func(context.Context) time.Duration { return d }
}

func answer(v int) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return v, nil }
}

// always is a config of an injector that acts in every call.
var always = chaos.Config{Name: "stripe", Rate: 1, Enabled: true}

// chaotic is what injectors and mixtures have in common.
type chaotic interface {
	policy.Policy[int]
	Do(ctx context.Context, fn policy.Func[int]) (int, error)
	Clock() policy.Clock
	String() string
	Describe() policy.Description
	Refusal(ctx context.Context, after time.Duration) error
	On()
	Off()
}

var (
	_ chaotic = (*chaos.Injector[int])(nil)
	_ chaotic = (*chaos.Mixture[int])(nil)
)

// kinds returns an injector of each kind. What they inject can be told apart by the call's
// result, except for a latency.
func kinds(cfg chaos.Config) map[string]*chaos.Injector[int] {
	return map[string]*chaos.Injector[int]{
		"fault":    chaos.Fault[int](cfg, failing),
		"latency":  chaos.Latency[int](cfg, lasting(time.Second)),
		"outcome":  chaos.Outcome(cfg, answer(7)),
		"behavior": chaos.Behavior[int](cfg, failing),
	}
}

// pass is the cheapest policy there is.
type pass struct{}

func (pass) Execute(ctx context.Context, next policy.Call[int]) (int, error) { return next.Do(ctx) }
