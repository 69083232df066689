package facts_test

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/ductileconfig/internal/facts"
	"github.com/ductile-go/ductile/ductileconfig/internal/table"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// configs are the Configs of all policies.
var configs = []reflect.Type{
	reflect.TypeFor[breaker.Config](), reflect.TypeFor[retry.Config](), reflect.TypeFor[retry.BudgetConfig](),
	reflect.TypeFor[bulkhead.Config](), reflect.TypeFor[bulkhead.CoDel](), reflect.TypeFor[adaptive.Config](),
	reflect.TypeFor[ratelimit.Config](), reflect.TypeFor[throttle.Config](), reflect.TypeFor[hedge.Config](),
	reflect.TypeFor[cache.Config[string, any]](), reflect.TypeFor[chaos.Config](),
	reflect.TypeFor[keyed.Config[string, *breaker.Circuit]](), reflect.TypeFor[policy.TimeoutConfig](),
}

// elsewhere are the fields whose configs are not part of a Spec, and the fields of the
// Spec that stand for them, or the reason why none does.
var elsewhere = map[string]string{
	"keyed.Max": "registry.FamilySpec.Max", "keyed.Idle": "registry.FamilySpec.Idle",
	"policy.After": "registry.PipelineSpec.TotalTimeout", "policy.Abandon": "registry.PipelineSpec.Abandon",
	"cache.Name": "the pipeline's", "policy.Name": "the pipeline's",
}

func TestEveryFieldOfEveryConfigIsAKeyOrHasAReason(t *testing.T) {
	all := facts.All()
	facts.Spec() // panics if a field of a Spec is neither
	for _, config := range configs {
		for i := range config.NumField() {
			f := config.Field(i)
			if all.Reason(config, f) != "" {
				continue
			}
			name := table.Name(config, f)
			pkg, _, _ := strings.Cut(name, ".")
			if _, ok := all.Fields[name]; ok {
				continue
			}
			stand := elsewhere[pkg+"."+f.Name]
			if pkg == "cache" && stand == "" {
				stand = "registry.CacheSpec." + f.Name
			}
			_, ok := all.Fields[stand]
			assert.True(t, ok || strings.HasPrefix(stand, "the "), "%s can be set in a file, or has a reason", name)
		}
	}
}

func TestEveryFactIsOfAField(t *testing.T) {
	known := map[string]bool{}
	var walk func(t *table.Type)
	walk = func(t *table.Type) {
		if t.Elem != nil {
			walk(t.Elem)
		}
		for _, f := range t.Fields {
			known[f.Name] = true
			walk(f.Type)
		}
	}
	walk(facts.Spec())
	for name, fact := range facts.All().Fields {
		assert.True(t, known[name], "%s is a field", name)
		assert.NotEmpty(t, fact.Doc, name)
		assert.False(t, strings.HasSuffix(fact.Doc, "."), name)
	}
}

// The defaults of the table are those of the policies: a Config with the default written
// out is the same as one without, to what the policy says of its effective config.
func TestTheDefaultsAreThoseOfThePolicies(t *testing.T) {
	for name, is := range map[string]any{
		"breaker.Config.FailureThreshold": breaker.DefaultFailureThreshold, "breaker.Config.MinCalls": breaker.DefaultMinCalls,
		"breaker.Config.RecoveryTimeout": breaker.DefaultRecoveryTimeout, "breaker.Config.HalfOpenMaxCalls": breaker.DefaultHalfOpenMaxCalls,
		"breaker.Config.SuccessThreshold": breaker.DefaultSuccessThreshold, "breaker.Config.ProbeFailureRate": breaker.DefaultProbeFailureRate,
		"retry.BudgetConfig.Ratio": retry.DefaultRatio, "retry.BudgetConfig.MinPerSecond": retry.DefaultMinPerSecond, "retry.BudgetConfig.Window": retry.DefaultBudgetWindow,
		"retry.Config.MaxAttempts": retry.DefaultMaxAttempts, "retry.Config.BaseDelay": retry.DefaultBaseDelay, "retry.Config.MaxDelay": retry.DefaultMaxDelay,
		"retry.Config.Multiplier": retry.DefaultMultiplier, "retry.Config.JitterFactor": retry.DefaultJitterFactor, "retry.Config.MaxRetryAfter": retry.DefaultMaxRetryAfter,
		"ratelimit.Config.Per": ratelimit.DefaultPer, "throttle.Config.K": throttle.DefaultK, "throttle.Config.Window": throttle.DefaultWindow,
		"throttle.Config.MinCalls": throttle.DefaultMinCalls, "throttle.Config.MaxReject": throttle.DefaultMaxReject,
		"hedge.Config.Quantile": hedge.DefaultQuantile, "hedge.Config.MinDelay": hedge.DefaultMinDelay, "hedge.Config.MinCalls": hedge.DefaultMinCalls, "hedge.Config.MaxExtra": hedge.DefaultMaxExtra,
		"registry.CacheSpec.Jitter": cache.DefaultJitter, "registry.CacheSpec.RefreshTimeout": cache.DefaultRefreshTimeout,
		"registry.CacheSpec.Cooldown": cache.DefaultCooldown, "registry.CacheSpec.MaxEntries": cache.DefaultMaxEntries,
		"registry.FamilySpec.Max": keyed.DefaultMax, "registry.FamilySpec.Idle": keyed.DefaultIdle,
		"adaptive.Config.Initial": adaptive.DefaultInitial, "adaptive.Config.Min": adaptive.DefaultMin, "adaptive.Config.Max": adaptive.DefaultMax,
		"adaptive.Config.Quantile": adaptive.DefaultQuantile, "adaptive.Config.Window": adaptive.DefaultWindow, "adaptive.Config.MinCalls": adaptive.DefaultMinCalls,
		"ratelimit.Config.Burst": "the calls of 100 ms", "hedge.Config.Delay": "a learned delay",
	} {
		fact, ok := facts.All().Fields[name]
		require.True(t, ok, name)
		assert.Equal(t, written(is, fact), fact.Default, name)
		delete(defaults, name)
	}
	assert.Empty(t, defaults, "defaults that no policy is asked about")
}

// defaults are the fields that have one.
var defaults = func() map[string]bool {
	out := map[string]bool{}
	for name, fact := range facts.All().Fields {
		if fact.Default != "" {
			out[name] = true
		}
	}
	return out
}()

// written returns a value as a file has it.
func written(v any, fact table.Fact) string {
	switch v := v.(type) {
	case time.Duration:
		return strings.Replace(strings.Replace(v.String(), "m0s", "m", 1), "h0m", "h", 1)
	case float64:
		if fact.Rate {
			return number(100*v) + "%"
		}
		return number(v)
	case int:
		return number(float64(v))
	}
	return v.(string)
}

// What turns something off in code has a word in a file, or the reason why not in the
// description of the field.
func TestEverySpecialValueHasAWordOrAReason(t *testing.T) {
	fields := facts.All().Fields
	for name, value := range map[string]any{
		"retry.Config.MaxAttempts": retry.Unlimited, "retry.Config.BaseDelay": retry.NoDelay, "retry.Config.JitterFactor": retry.NoJitter,
		"retry.BudgetConfig.MinPerSecond": retry.NoMinimum, "breaker.Config.RecoveryTimeout": breaker.NoWait, "ratelimit.Config.Burst": ratelimit.NoBurst,
		"hedge.Config.Delay": hedge.AtOnce, "registry.CacheSpec.Jitter": cache.NoJitter,
	} {
		var words []any
		for _, word := range fields[name].Words {
			words = append(words, word)
		}
		assert.Contains(t, words, value, name)
	}
	assert.Contains(t, fields["registry.HedgeSpec.BudgetName"].Doc, "without it, the hedge has its own", "there is no word for hedge.NoBudget")
}

func TestTheSpecHasNoFieldTwice(t *testing.T) {
	var walk func(at string, t *table.Type)
	walk = func(at string, typ *table.Type) {
		seen := map[string]bool{}
		for _, f := range typ.Fields {
			assert.False(t, seen[f.Key], "%s.%s", at, f.Key)
			seen[f.Key] = true
			walk(at+"."+f.Key, f.Type)
		}
		if typ.Elem != nil {
			walk(at, typ.Elem)
		}
	}
	walk("", facts.Spec())
	assert.Equal(t, reflect.TypeFor[registry.Spec](), facts.Spec().Go)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
