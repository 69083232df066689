package snippets_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func refused(context.Context) error { return errors.New("connection refused") }

func threeSeconds(context.Context) time.Duration { return 3 * time.Second }

// The opening of docs/policies/chaos.md.
func Example_chaos() {
	ctx, charge := context.Background(), func(context.Context) (string, error) { return "a receipt", nil }
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe"})
	retries := retry.Config{BaseDelay: retry.NoDelay}
	outage := chaos.Fault[string](chaos.Config{Name: "stripe", Rate: 0.2, Seed: 42},
		func(context.Context) error { return errors.New("connection refused") })

	p := pipeline.New(
		retry.New[string](retries),
		breaker.New[string](circuit),
		outage, // innermost
	)
	outage.On() // from now on every fifth attempt fails
	receipt, err := p.Do(ctx, charge)
	outage.Off()
	fmt.Println(receipt, err, outage.Snapshot().Injected)
	// Output: a receipt <nil> 2
}

// docs/policies/chaos.md, Config.
func Example_chaosMix() {
	bad := chaos.Mix(
		chaos.Fault[string](chaos.Config{Name: "broken", Rate: 0.1}, refused),
		chaos.Latency[string](chaos.Config{Name: "slow", Rate: 0.2}, threeSeconds),
	)
	bad.On()
	fmt.Println(bad)
	// Output: chaos(broken fault 10% | slow latency 20%)
}

// docs/policies/chaos.md, Recipe.
func Example_chaosForATenant() {
	tenantIn := func(ctx context.Context) string { name, _ := ctx.Value(tenantKey{}).(string); return name }
	outage := chaos.Fault[string](chaos.Config{
		Rate: 1,
		When: func(ctx context.Context) bool { return tenantIn(ctx) == "rehearsal" },
	}, refused)
	_, err := outage.Do(context.WithValue(context.Background(), tenantKey{}, "rehearsal"), nothing)
	_, acme := outage.Do(context.WithValue(context.Background(), tenantKey{}, "acme"), nothing)
	fmt.Println(err, acme)
	// Output: chaos: injected: connection refused <nil>
}

// docs/policies/chaos.md, Recipe.
func Example_chaosThatLosesAnAnswer() {
	lost := chaos.Detour(chaos.Config{Rate: 1, Enabled: true},
		func(ctx context.Context, rest policy.Func[string]) (string, error) {
			_, _ = rest(ctx)
			return "", errors.New("connection reset")
		})
	charged := 0
	_, err := lost.Do(context.Background(), func(context.Context) (string, error) { charged++; return "a receipt", nil })
	fmt.Println(charged, err)
	// Output: 1 chaos: injected: connection reset
}

// docs/policies/chaos.md, Recipe.
func Example_chaosThatGrows() {
	begun := time.Now()
	growing := chaos.Fault[string](chaos.Config{
		Enabled:  true,
		RateFunc: func(context.Context) float64 { return time.Since(begun).Minutes() / 10 },
	}, refused)
	fmt.Println(growing)
	// Output: chaos(fault)
}

// docs/http.md, Faults for rehearsals.
//
//nolint:bodyclose // ChaosStatus returns a policy
func TestChaosOfATransportAnswersWithAStatus(t *testing.T) {
	overloaded := ductilehttp.ChaosStatus(chaos.Config{Name: "overloaded", Rate: 0.1, Seed: 1}, 503, 2*time.Second)
	transport := ductilehttp.NewTransport(ductilehttp.Config{Chaos: overloaded})
	overloaded.On() // from now on every tenth request is answered with 503 and Retry-After: 2

	always := ductilehttp.ChaosStatus(chaos.Config{Rate: 1, Enabled: true}, 503, 2*time.Second)
	cfg := transport.Config()
	cfg.Chaos, cfg.Retry.MaxAttempts = always, 1
	resp, err := (&http.Client{Transport: ductilehttp.NewTransport(cfg)}).Get("http://example.invalid") //nolint:noctx // as users do
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	assert.Equal(t, 503, resp.StatusCode)
	assert.Equal(t, "2", resp.Header.Get("Retry-After"))
}
