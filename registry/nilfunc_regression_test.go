package registry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

func TestANilFunctionIsRefusedByItsName(t *testing.T) {
	nils := registry.Funcs{
		RetryIf:  map[string]func(error) bool{"f": nil},
		Classify: map[string]func(error) policy.Outcome{"f": nil},
		Backoff:  map[string]retry.Backoff{"f": nil, "linear": nil},
		Key:      map[string]func(context.Context) (string, bool){"f": nil},
	}
	one := func(p registry.PipelineSpec) registry.Spec {
		return registry.Spec{Pipelines: map[string]registry.PipelineSpec{"p": p}}
	}
	for want, spec := range map[string]registry.Spec{
		`registry: circuits.c.classify is "f", want a function of Funcs.Classify, the function of that name is nil`: {
			Circuits: map[string]registry.CircuitSpec{"c": {ClassifyBy: "f"}},
		},
		`registry: throttles.t.classify is "f", want a function of Funcs.Classify, the function of that name is nil`: {
			Throttles: map[string]registry.ThrottleSpec{"t": {Config: throttle.Config{}, ClassifyBy: "f"}},
		},
		`registry: adaptive_limits.a.classify is "f", want a function of Funcs.Classify, the function of that name is nil`: {
			AdaptiveLimits: map[string]registry.AdaptiveLimitSpec{"a": {Config: adaptive.Config{}, ClassifyBy: "f"}},
		},
		`registry: pipelines.p.retry.retry_if is "f", want a function of Funcs.RetryIf, the function of that name is nil`: one(registry.PipelineSpec{
			Retry: &registry.RetrySpec{RetryIfName: "f"},
		}),
		`registry: pipelines.p.retry.backoff is "f", want a backoff of the library or of Funcs.Backoff, the function of that name is nil`: one(registry.PipelineSpec{
			Retry: &registry.RetrySpec{BackoffName: "f"},
		}),
		`registry: pipelines.p.retry.backoff is "linear", want a backoff of the library or of Funcs.Backoff, the function of that name is nil`: one(registry.PipelineSpec{
			Retry: &registry.RetrySpec{BackoffName: "linear"},
		}),
		`registry: pipelines.p.cache.key is "f", want a function of Funcs.Key, the function of that name is nil`: one(registry.PipelineSpec{
			Cache: &registry.CacheSpec{Key: "f", TTL: time.Second},
		}),
		`registry: pipelines.p.coalesce.key is "f", want a function of Funcs.Key, the function of that name is nil`: one(registry.PipelineSpec{
			Coalesce: &registry.CoalesceSpec{Key: "f"},
		}),
	} {
		_, err := registry.New(spec, registry.WithFuncs(nils))
		assert.EqualError(t, err, want)
	}
}
