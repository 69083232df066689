package ductileconfig_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileconfig"
	"github.com/ductile-go/ductile/registry"
	"github.com/ductile-go/ductile/retry"
)

// withEnv loads a text and variables.
func withEnv(t *testing.T, text string, variables ...string) (registry.Spec, error) {
	t.Helper()
	return ductileconfig.Load(append(sources(text), ductileconfig.Environ("DUCTILE", variables))...)
}

func TestTheEnvironmentWinsOverAFile(t *testing.T) {
	spec, err := withEnv(t, "circuits: {stripe_eu: {recovery_timeout: 30s, window: 10s}}\n",
		"DUCTILE__CIRCUITS__STRIPE_EU__RECOVERY_TIMEOUT=1m", "HOME=/root", "DUCTILE_DEBUG=1", "DUCTILES__X=1")
	require.NoError(t, err)
	assert.Equal(t, map[string]registry.CircuitSpec{"stripe_eu": {Config: breaker.Config{RecoveryTimeout: time.Minute, Window: 10 * time.Second}}}, spec.Circuits)
	assert.Equal(t, "DUCTILE__CIRCUITS__STRIPE_EU__RECOVERY_TIMEOUT", spec.Origins["circuits.stripe_eu.recovery_timeout"])
	assert.Equal(t, "1.yaml:1:55", spec.Origins["circuits.stripe_eu.window"])
}

func TestReadsTheEnvironmentOfTheProcess(t *testing.T) {
	t.Setenv("SHOP__BUDGETS__OUT__RATIO", "20%")
	for _, prefix := range []string{"SHOP", "SHOP_", "SHOP__"} {
		spec, err := ductileconfig.Load(ductileconfig.Env(prefix))
		require.NoError(t, err)
		assert.InDelta(t, 0.2, spec.Budgets["out"].Ratio, 1e-12)
	}
	t.Setenv("DUCTILE__BUDGETS__OUT__RATIO", "30%")
	spec, err := ductileconfig.Load(ductileconfig.Env(""))
	require.NoError(t, err)
	assert.InDelta(t, 0.3, spec.Budgets["out"].Ratio, 1e-12)
}

func TestAVariableFindsANameInAnyCase(t *testing.T) {
	spec, err := withEnv(t, "circuits: {Stripe-EU: {}, a_b: {}, A-b: {}}\n",
		"DUCTILE__CIRCUITS__STRIPE_EU__WINDOW=10s", "DUCTILE__circuits__A_B__WINDOW=5s", "DUCTILE__CIRCUITS__OpenAI__WINDOW=1s")
	require.NoError(t, err)
	assert.Equal(t, 10*time.Second, spec.Circuits["Stripe-EU"].Window)
	assert.Equal(t, 5*time.Second, spec.Circuits["a_b"].Window, "the same letters win over other ones")
	assert.Zero(t, spec.Circuits["A-b"].Window)
	assert.Equal(t, time.Second, spec.Circuits["openai"].Window, "a new name is in lower case")
}

func TestAVariableMaySetMappingsAndRemoveThem(t *testing.T) {
	spec, err := withEnv(t, "circuits: {a: {window: 10s}}\npipelines: {p: {circuit: a, retry: {max_attempts: 5}}, q: {}, r: {cache: {key: k, ttl: 1s}}}\n",
		"DUCTILE__PIPELINES__P__RETRY=null", "DUCTILE__PIPELINES__P__CIRCUIT=~",
		"DUCTILE__PIPELINES__Q__RETRY={max_attempts: unlimited, base_delay: 1s}", "DUCTILE__PIPELINES__Q__HEDGE={}",
		"DUCTILE__PIPELINES__R__CACHE__KEY={tenant", "DUCTILE__CIRCUITS__B__EXTENDS=a")
	require.NoError(t, err)
	assert.Zero(t, spec.Pipelines["p"])
	assert.Equal(t, retry.Config{MaxAttempts: retry.Unlimited, BaseDelay: time.Second}, spec.Pipelines["q"].Retry.Config)
	assert.NotNil(t, spec.Pipelines["q"].Hedge)
	assert.Equal(t, "DUCTILE__PIPELINES__Q__RETRY", spec.Origins["pipelines.q.retry.base_delay"])
	assert.Equal(t, "{tenant", spec.Pipelines["r"].Cache.Key, "a text that is no YAML stays a text")
	assert.Equal(t, 10*time.Second, spec.Circuits["b"].Window)
}

func TestAVariableOfDefaultsReachesWhatExtendsThem(t *testing.T) {
	spec, err := withEnv(t, example, "DUCTILE__DEFAULTS__CIRCUIT__WINDOW=1m")
	require.NoError(t, err)
	assert.Equal(t, time.Minute, spec.Circuits["stripe"].Window)
	assert.Equal(t, "DUCTILE__DEFAULTS__CIRCUIT__WINDOW", spec.Origins["circuits.stripe.window"])
}

func TestTheLastOfTwoVariablesOfOneNameCounts(t *testing.T) {
	spec, err := withEnv(t, "", "DUCTILE__BUDGETS__A__RATIO=10%", "DUCTILE__BUDGETS__A__RATIO=20%")
	require.NoError(t, err)
	assert.InDelta(t, 0.2, spec.Budgets["a"].Ratio, 1e-12)
}

func TestTheListOfVariablesIsCopied(t *testing.T) {
	list := []string{"DUCTILE__BUDGETS__A__RATIO=10%"}
	source := ductileconfig.Environ("", list)
	list[0] = "DUCTILE__X=1"
	_, err := ductileconfig.Load(source)
	require.NoError(t, err)
}

func TestAWrongVariableIsNamed(t *testing.T) {
	const file = "circuits: {a: {}, Stripe-EU: {}, stripe_EU: {}}\npipelines: {p: {retry: {max_attempts: 2}}}\n"
	for variable, want := range map[string]string{
		"DUCTILE__CIRCITS__A__WINDOW=10s":               "DUCTILE__CIRCITS__A__WINDOW: circits: unknown field, did you mean circuits?",
		"DUCTILE__CIRCUITS__A__WINDW=10s":               "DUCTILE__CIRCUITS__A__WINDW: circuits.a.windw: unknown field, did you mean window?",
		"DUCTILE__CIRCUITS__A__WINDOW=10":               "DUCTILE__CIRCUITS__A__WINDOW: circuits.a.window is 10, want a duration such as 30s or 1m30s; a number alone has no unit: did you mean 10s?",
		"DUCTILE__CIRCUITS__A__MIN_CALLS=010":           "DUCTILE__CIRCUITS__A__MIN_CALLS: circuits.a.min_calls is 010, want a whole number, 1 or more; remove the leading zero: did you mean 10?",
		"DUCTILE__CIRCUITS__A__MIN_CALLS=1e3":           "DUCTILE__CIRCUITS__A__MIN_CALLS: circuits.a.min_calls is 1e3, want a whole number, 1 or more, did you mean 1000?",
		"DUCTILE__CIRCUITS__A__SHADOW=1":                "DUCTILE__CIRCUITS__A__SHADOW: circuits.a.shadow is 1, want true or false",
		"DUCTILE__CIRCUITS__A__WINDOW=":                 "DUCTILE__CIRCUITS__A__WINDOW: circuits.a.window is empty, want a value, or null to remove what a file sets",
		"DUCTILE__CIRCUITS__A__WINDOW__X=1s":            "DUCTILE__CIRCUITS__A__WINDOW__X: circuits.a.window is a mapping, want a duration such as 30s or 1m30s",
		"DUCTILE__CIRCUITS__A=1":                        "DUCTILE__CIRCUITS__A: circuits.a is 1, want a mapping with keys such as failure_threshold and failure_rate",
		"DUCTILE__CIRCUITS=x":                           "DUCTILE__CIRCUITS: circuits is x, want a mapping of names",
		"DUCTILE__CIRCUITS____WINDOW=1s":                "DUCTILE__CIRCUITS____WINDOW: a part of the name is empty; two underscores separate parts, and a part has no two in a row",
		"DUCTILE__=1s":                                  "DUCTILE__: a part of the name is empty; two underscores separate parts, and a part has no two in a row",
		"DUCTILE__CIRCUITS__STRIPE_eu__WINDOW=1s":       "DUCTILE__CIRCUITS__STRIPE_eu__WINDOW: circuits.stripe_eu: several names differ from this part by case and dashes only; set it in a file",
		"DUCTILE__CIRCUITS__A__FAILURE_RATE=50%":        "DUCTILE__CIRCUITS__A__FAILURE_RATE: circuits.a.failure_rate is 50% but needs window or window_calls",
		"DUCTILE__PIPELINES__P__CIRCUIT=b":              "DUCTILE__PIPELINES__P__CIRCUIT: pipelines.p.circuit is b, want a circuit that is declared",
		"DUCTILE__PIPELINES__P__RETRY={max_atempts: 1}": "DUCTILE__PIPELINES__P__RETRY: pipelines.p.retry.max_atempts: unknown field, did you mean max_attempts?",
		"DUCTILE__PIPELINES__P__RETRY=[1, {a: 2}]":      "DUCTILE__PIPELINES__P__RETRY: pipelines.p.retry is a list, want a mapping with keys such as max_attempts and base_delay",
		"DUCTILE__" + strings.Repeat("A__", 70) + "B=1": "DUCTILE__" + strings.Repeat("A__", 70) + "B: the name has too many parts",
	} {
		_, err := withEnv(t, file, variable)
		require.Error(t, err, variable)
		assert.Equal(t, []string{want}, firstLines(t, err), variable)
	}
}

func TestTooManyVariablesAreRefused(t *testing.T) {
	var list []string
	for i := range 1000 {
		list = append(list, fmt.Sprintf("X__CIRCUITS__N%d__WINDOW=1s", i))
	}
	_, err := ductileconfig.Load(ductileconfig.Environ("X", list))
	require.Error(t, err)
	assert.Equal(t, []string{"X__*: too many variables"}, firstLines(t, err))
}
