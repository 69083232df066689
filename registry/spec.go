package registry

import (
	"time"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// Spec declares the policies of a program. The zero Spec is empty and valid. Module
// ductileconfig reads one from files, where the names of fields are written in
// snake_case, and the sections are those of the config tags.
//
// Shared state (circuits, budgets, bulkheads, limits, throttles) is declared under a name,
// and pipelines refer to it. A name is not empty and has no dots. In the configs of
// a Spec, Name, Clock and Rand are not set: the registry sets them.
type Spec struct {
	Circuits       map[string]CircuitSpec       `config:"circuits"`
	Budgets        map[string]BudgetSpec        `config:"budgets"`
	Bulkheads      map[string]BulkheadSpec      `config:"bulkheads"`
	AdaptiveLimits map[string]AdaptiveLimitSpec `config:"adaptive_limits"`
	RateLimits     map[string]RateLimitSpec     `config:"rate_limits"`
	Throttles      map[string]ThrottleSpec      `config:"throttles"`
	Pipelines      map[string]PipelineSpec      `config:"pipelines"`
	Families       map[string]FamilySpec        `config:"families"`

	// Origins says where values come from: "circuits.stripe.recovery_timeout" from
	// "ductile.yaml:9:5" or "DUCTILE__CIRCUITS__STRIPE__RECOVERY_TIMEOUT". A value without
	// an origin was set in code, or is the default if it is zero.
	Origins map[string]string `config:"-"`
}

// CircuitSpec declares a circuit.
type CircuitSpec struct {
	breaker.Config
	// ClassifyBy names a function of Funcs.Classify. Empty means none.
	ClassifyBy string `config:"classify"`
}

// BudgetSpec declares a budget that retries and hedges share.
type BudgetSpec struct{ retry.BudgetConfig }

// BulkheadSpec declares a gate.
type BulkheadSpec struct{ bulkhead.Config }

// AdaptiveLimitSpec declares an adaptive limiter.
type AdaptiveLimitSpec struct {
	adaptive.Config
	ClassifyBy string `config:"classify"`
}

// RateLimitSpec declares a rate limiter.
type RateLimitSpec struct{ ratelimit.Config }

// ThrottleSpec declares a throttle.
type ThrottleSpec struct {
	throttle.Config
	ClassifyBy string `config:"classify"`
}

// PipelineSpec declares a pipeline. A policy whose field is zero is not part of it. The
// policies have this order, the first outermost:
//
//	fallback > cache > coalesce > total timeout > retry > hedge > breaker > throttle >
//	rate limit > attempt timeout > bulkhead > adaptive limit > chaos > pipeline
type PipelineSpec struct {
	// Fallback names a function of Funcs.Fallback.
	Fallback     string        `config:"fallback"`
	Cache        *CacheSpec    `config:"cache"`
	Coalesce     *CoalesceSpec `config:"coalesce"`
	TotalTimeout time.Duration `config:"total_timeout"` // for the whole call; 0 means none
	Retry        *RetrySpec    `config:"retry"`
	Hedge        *HedgeSpec    `config:"hedge"`
	// Circuit, Throttle, RateLimit, Bulkhead and AdaptiveLimit name shared state of the
	// Spec. Empty means none.
	Circuit        string        `config:"circuit"`
	Throttle       string        `config:"throttle"`
	RateLimit      string        `config:"rate_limit"`
	AttemptTimeout time.Duration `config:"attempt_timeout"` // for each attempt; 0 means none
	Bulkhead       string        `config:"bulkhead"`
	AdaptiveLimit  string        `config:"adaptive_limit"`
	Chaos          *ChaosSpec    `config:"chaos"`
	// Pipeline names another pipeline of the Spec, which stands innermost. Attempts of
	// its retry multiply with those of this one. Empty means none.
	Pipeline string `config:"pipeline"`
	// Abandon makes both timeouts return at their limit even if the function has not
	// returned.
	Abandon bool `config:"abandon"`
}

// RetrySpec declares a retry.
type RetrySpec struct {
	retry.Config
	// BudgetName names a budget of the Spec. Empty means none.
	BudgetName string `config:"budget"`
	// RetryIfName names a function of Funcs.RetryIf. Empty means none.
	RetryIfName string `config:"retry_if"`
	// BackoffName is "exponential", "full_jitter", "equal_jitter", "decorrelated",
	// "fibonacci", "linear" or "constant", each with BaseDelay and MaxDelay, or a name of
	// Funcs.Backoff. Empty means the retry's default.
	BackoffName string `config:"backoff"`
}

// HedgeSpec declares a hedge.
type HedgeSpec struct {
	hedge.Config
	// BudgetName names a budget of the Spec. Empty means none.
	BudgetName string `config:"budget"`
	// HedgeIfName names a function of Funcs.RetryIf. Empty means none.
	HedgeIfName string `config:"hedge_if"`
}

// CacheSpec declares a cache with keys of type string. Its fields are those of
// [cache.Config].
type CacheSpec struct {
	Key            string        `config:"key"` // a name of Funcs.Key; required
	TTL            time.Duration `config:"ttl"`
	Stale          time.Duration `config:"stale"`
	StaleIfError   time.Duration `config:"stale_if_error"`
	NegativeTTL    time.Duration `config:"negative_ttl"`
	NegativeName   string        `config:"negative"` // a name of Funcs.RetryIf
	Jitter         float64       `config:"jitter"`
	RefreshTimeout time.Duration `config:"refresh_timeout"`
	Cooldown       time.Duration `config:"cooldown"`
	MaxEntries     int           `config:"max_entries"`
	Store          string        `config:"store"` // a name of Funcs.Store; empty means memory
}

// CoalesceSpec declares that calls of one key share one call.
type CoalesceSpec struct {
	Key string `config:"key"` // a name of Funcs.Key; required
}

// ChaosSpec declares faults that are injected into a share of the calls. With Latency, such
// a call waits. With Error, it then fails with an error of that text, and the function does
// not run.
type ChaosSpec struct {
	chaos.Config
	Error   string        `config:"error"`
	Latency time.Duration `config:"latency"`
}

// FamilySpec declares a pipeline for each key, with state of its own: each part that is set
// here takes the place of the pipeline's part of that kind.
type FamilySpec struct {
	Pipeline      string             `config:"pipeline"` // a name of Spec.Pipelines; required
	Circuit       *CircuitSpec       `config:"circuit"`
	Throttle      *ThrottleSpec      `config:"throttle"`
	RateLimit     *RateLimitSpec     `config:"rate_limit"`
	Bulkhead      *BulkheadSpec      `config:"bulkhead"`
	AdaptiveLimit *AdaptiveLimitSpec `config:"adaptive_limit"`
	Max           int                `config:"max"`  // as keyed.Config.Max
	Idle          time.Duration      `config:"idle"` // as keyed.Config.Idle
}
