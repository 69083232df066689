package ductilehttp

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

// Override changes how a [Transport] treats single requests. Zero fields change nothing.
// With a Pipeline, only MaxAttempts has an effect.
type Override struct {
	// MaxAttempts replaces Config.Retry.MaxAttempts. 1 means no retry.
	MaxAttempts int
	// AttemptTimeout and TotalTimeout replace those of the Config. Negative means no limit.
	// If only TotalTimeout is set and the attempt timeout is not shorter, the attempt
	// timeout is the default: 10 s, or a third of TotalTimeout if that is less.
	AttemptTimeout, TotalTimeout time.Duration
	// Circuit is used instead of the host's circuit, even if the Config has none.
	Circuit *breaker.Circuit
	// NoCircuit sends requests without a circuit.
	NoCircuit bool
}

type overrideKey struct{}

// WithOverride returns a context for requests that are treated as o says. An Override
// applies to the Transport called with the request. The base does not see it, so requests
// that the base makes under the same context are not affected. If o makes the Transport's
// config invalid, RoundTrip returns the error of [Config.Validate].
func WithOverride(ctx context.Context, o Override) context.Context {
	return context.WithValue(ctx, overrideKey{}, &o)
}

// apply returns a host's config with the changes of o.
func (o *Override) apply(cfg Config) Config {
	cfg.Retry.MaxAttempts = cmp.Or(o.MaxAttempts, cfg.Retry.MaxAttempts)
	cfg.TotalTimeout = cmp.Or(o.TotalTimeout, cfg.TotalTimeout)
	if o.AttemptTimeout != 0 {
		cfg.AttemptTimeout = o.AttemptTimeout
	} else if cfg.TotalTimeout > 0 && cfg.AttemptTimeout >= cfg.TotalTimeout {
		cfg.AttemptTimeout = 0
	}
	if o.TotalTimeout > 0 && cfg.TotalTimeout != 0 {
		cfg.Retry.BaseDelay = fitting(cfg)
	}
	if o.NoCircuit {
		cfg.Circuit = nil
	}
	if o.Circuit != nil {
		cfg.Circuit = o.Circuit
	}
	return cfg
}

// fitting returns the configured base delay, or 0 for the default if the configured one no
// longer fits in the total: defaults are shortened to fit.
func fitting(cfg Config) time.Duration {
	if cfg.standard("").Validate() != nil {
		return 0
	}
	return cfg.Retry.BaseDelay
}

func (t *Transport) override(o *Override, x *exchange) *pipeline.Pipeline[*http.Response] {
	if t.cfg.Pipeline != nil {
		x.most = o.MaxAttempts
		return x.host.pipeline(t, x)
	}
	cfg := o.apply(x.host.config(t.cfg))
	if err := cfg.standard("").Validate(); err != nil {
		faults := faultsOf("Override")
		faults.In("", err)
		return pipeline.New[*http.Response](failing{faults.Err()})
	}
	return t.compose(cfg, x.host).of(x)
}

// failing is a policy that fails every call.
type failing struct{ err error }

// Execute returns the error without a call.
func (f failing) Execute(context.Context, policy.Call[*http.Response]) (*http.Response, error) {
	return nil, f.err
}
