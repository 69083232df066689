package registry_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

func declaration(threshold int) registry.Spec {
	return registry.Spec{
		Circuits: map[string]registry.CircuitSpec{
			"stripe": {Config: breaker.Config{FailureThreshold: threshold}},
		},
		Pipelines: map[string]registry.PipelineSpec{
			"charge": {
				TotalTimeout: 10 * time.Second,
				Retry:        &registry.RetrySpec{Config: retry.Config{MaxAttempts: 2, BaseDelay: time.Millisecond}},
				Circuit:      "stripe",
			},
		},
	}
}

type Session struct{ ID string }

func createSession(context.Context) (*Session, error) { return &Session{"cs_1"}, nil }

func Example() {
	if err := pay(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// cs_1 by retry(3) > breaker(stripe)
}

func pay(ctx context.Context) error {
	r, err := registry.New(registry.Spec{
		Circuits:  map[string]registry.CircuitSpec{"stripe": {}},
		Pipelines: map[string]registry.PipelineSpec{"charge": {Retry: &registry.RetrySpec{}, Circuit: "stripe"}},
	})
	if err != nil {
		return err // every fault at once, each with its path
	}
	charge, err := registry.Pipeline[*Session](r, "charge")
	if err != nil {
		return err // with the nearest name that is declared
	}
	session, err := charge.Do(ctx, createSession)
	if err != nil {
		return err
	}
	fmt.Println(session.ID, "by", charge)
	return nil
}

// An Apply changes a threshold, and the circuit keeps the failures that it has counted.
func ExampleRegistry_Apply() {
	r, _ := registry.New(declaration(5))
	charge, _ := registry.Pipeline[string](r, "charge")
	stripe, _ := r.Circuit("stripe")
	ctx := context.Background()
	down := func(context.Context) (string, error) { return "", errors.New("connection refused") }

	_, _ = charge.Do(ctx, down) // two attempts, two failures
	changes, err := r.Apply(declaration(3))
	fmt.Println(changes.Changed, err, stripe.State())
	_, _ = charge.Do(ctx, down)
	fmt.Println(stripe.State())

	broken := declaration(3)
	broken.Pipelines["charge"] = registry.PipelineSpec{Circuit: "strpie"}
	_, err = r.Apply(broken)
	fmt.Println(err)
	// Output:
	// [circuits.stripe] <nil> closed
	// open
	// registry: pipelines.charge.circuit is "strpie", want a circuit of the Spec, did you mean stripe?
}

func ExampleNew() {
	_, err := registry.New(registry.Spec{
		Circuits:  map[string]registry.CircuitSpec{"stripe": {Config: breaker.Config{FailureRate: 7, Window: time.Second}}},
		Pipelines: map[string]registry.PipelineSpec{"charge": {AttemptTimeout: -time.Second}},
	})
	fmt.Println(err)
	// Output:
	// registry: circuits.stripe.failure_rate is 7, want 0 to 1
	// registry: pipelines.charge.attempt_timeout is -1s, want 0 for none, or more
}

// Functions are given in Go, and named by the declaration.
func ExampleWithFuncs() {
	spec := registry.Spec{Pipelines: map[string]registry.PipelineSpec{"price": {Fallback: "last_known"}}}
	r, err := registry.New(spec, registry.WithFuncs(registry.Funcs{
		Fallback: map[string]any{
			"last_known": func(context.Context, error) (int, error) { return 42, nil },
		},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	price, _ := registry.Pipeline[int](r, "price")
	fmt.Println(price.Do(context.Background(), func(context.Context) (int, error) { return 0, errors.New("gone") }))
	_, err = registry.Pipeline[string](r, "price")
	fmt.Println(err)
	// Output:
	// 42 <nil>
	// registry: pipelines.price.fallback is "last_known", a func(context.Context, error) (int, error), want a func(context.Context, error) (string, error) for this pipeline's type
}

// Each host has a circuit of its own.
func ExampleKeyed() {
	spec := declaration(1)
	spec.Families = map[string]registry.FamilySpec{
		"hosts": {Pipeline: "charge", Circuit: &registry.CircuitSpec{Config: breaker.Config{FailureThreshold: 2}}, Max: 100},
	}
	r, _ := registry.New(spec, registry.WithObserver(func(_ context.Context, e policy.Event) {
		if e.Kind == policy.StateChanged {
			fmt.Println(e.Pipeline, e.Key, e.To)
		}
	}))
	hosts, _ := registry.Keyed[string](r, "hosts")
	ctx := context.Background()
	_, _ = hosts.Get("a.example").Do(ctx, func(context.Context) (string, error) { return "", errors.New("connection refused") })
	answer, err := hosts.Get("b.example").Do(ctx, func(context.Context) (string, error) { return "hello", nil })
	fmt.Println(answer, err, hosts.Len())
	// Output:
	// hosts a.example open
	// hello <nil> 2
}

func ExampleRegistry_Watch() {
	r, _ := registry.New(declaration(5))
	stop := r.Watch(func(c registry.Changes) { fmt.Println(c) })
	defer stop()
	_, _ = r.Apply(declaration(4))
	_, _ = r.Apply(declaration(4))
	// Output:
	// changed circuits.stripe
}

func ExampleRegistry_Snapshot() {
	spec := declaration(5)
	spec.Origins = map[string]string{"circuits.stripe.failure_threshold": "ductile.yaml:3:14"}
	r, _ := registry.New(spec)
	for _, v := range r.Snapshot().Values[:3] {
		fmt.Println(v.Path, v.Value, v.Origin)
	}
	// Output:
	// circuits.stripe.failure_threshold 5 ductile.yaml:3:14
	// circuits.stripe.recovery_timeout 30s default
	// circuits.stripe.half_open_max_calls 3 default
}
