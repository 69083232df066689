package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

var errDown = errors.New("down")

func ok(context.Context) (int, error)   { return 1, nil }
func down(context.Context) (int, error) { return 0, errDown }

// shop returns a Spec with a pipeline, charge, on a circuit, stripe, that opens at the
// second failure in a row.
func shop() registry.Spec {
	return registry.Spec{
		Circuits: map[string]registry.CircuitSpec{
			"stripe": {Config: breaker.Config{FailureThreshold: 2, RecoveryTimeout: time.Minute}},
		},
		Pipelines: map[string]registry.PipelineSpec{"charge": {Circuit: "stripe"}},
	}
}

func made(t *testing.T, spec registry.Spec, opts ...registry.Option) *registry.Registry {
	t.Helper()
	r, err := registry.New(spec, opts...)
	require.NoError(t, err)
	return r
}

func liveOf(t *testing.T, r *registry.Registry, name string) *registry.Live[int] {
	t.Helper()
	l, err := registry.Pipeline[int](r, name)
	require.NoError(t, err)
	return l
}

func familyOf(t *testing.T, r *registry.Registry, name string) *registry.Family[int] {
	t.Helper()
	f, err := registry.Keyed[int](r, name)
	require.NoError(t, err)
	return f
}

func circuitOf(t *testing.T, r *registry.Registry, name string) *breaker.Circuit {
	t.Helper()
	c, err := r.Circuit(name)
	require.NoError(t, err)
	return c
}

func apply(t *testing.T, r *registry.Registry, spec registry.Spec) registry.Changes {
	t.Helper()
	c, err := r.Apply(spec)
	require.NoError(t, err)
	return c
}

type keyOfCall struct{}

func withKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyOfCall{}, key)
}

func keyOf(ctx context.Context) (string, bool) {
	key, ok := ctx.Value(keyOfCall{}).(string)
	return key, ok
}

// funcs are functions for Specs.
func funcs() registry.Funcs {
	return registry.Funcs{
		RetryIf:  map[string]func(error) bool{"never": func(error) bool { return false }, "always": func(error) bool { return true }},
		Classify: map[string]func(error) policy.Outcome{"well": func(error) policy.Outcome { return policy.Success }},
		Fallback: map[string]any{
			"zero": func(context.Context, error) (int, error) { return 0, nil },
			"text": func(context.Context, error) (string, error) { return "", nil },
		},
		Key: map[string]func(context.Context) (string, bool){"key": keyOf},
	}
}
