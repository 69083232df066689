package ductilestripe_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

// attempts is a callee that records its params and fails.
type attempts struct {
	mu     sync.Mutex
	keys   []string
	params []*stripe.PaymentIntentCreateParams
}

var errBroken = errors.New("connection broken")

func (a *attempts) create(ctx context.Context, p *stripe.PaymentIntentCreateParams) (*stripe.PaymentIntent, error) {
	p.Context = ctx // as the SDK does
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = append(a.keys, stripe.StringValue(p.IdempotencyKey))
	a.params = append(a.params, p)
	return nil, errBroken
}

func thrice() *retry.Retry[*stripe.PaymentIntent] {
	return retry.New[*stripe.PaymentIntent](retry.Config{Clock: fake.NewClock(fake.AutoAdvance())})
}

func TestAllAttemptsOfACallHaveOneKey(t *testing.T) {
	var a attempts
	_, err := ductilestripe.Call(t.Context(), thrice(), price(100), a.create)
	require.ErrorIs(t, err, errBroken)
	require.Len(t, a.keys, 3)
	assert.Len(t, a.keys[0], 26)
	assert.Equal(t, []string{a.keys[0], a.keys[0], a.keys[0]}, a.keys)
}

func TestCallsThatShareParamsHaveTheirOwnKeys(t *testing.T) {
	var a attempts
	params := price(100)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { _, _ = ductilestripe.Call(t.Context(), thrice(), params, a.create) })
	}
	wg.Wait()
	times := map[string]int{}
	for _, k := range a.keys {
		times[k]++
	}
	assert.Len(t, times, 50)
	for k, n := range times {
		assert.Equal(t, 3, n, k)
	}
}

func TestTheCallersParamsAreNotModified(t *testing.T) {
	var a attempts
	params := price(100)
	_, _ = ductilestripe.Call(t.Context(), thrice(), params, a.create)
	assert.Equal(t, price(100), params)
	require.Len(t, a.params, 3)
	assert.NotSame(t, a.params[0], a.params[1], "attempts may overlap")
	assert.Equal(t, params.Amount, a.params[2].Amount)
}

func TestLaterChangesOfParamsChangeNoAttempt(t *testing.T) {
	var a attempts
	params := price(100)
	create := ductilestripe.Pin(params, a.create)
	params.Amount = stripe.Int64(200)
	params.SetIdempotencyKey("another")
	_, _ = create(t.Context())
	assert.EqualValues(t, 100, *a.params[0].Amount)
	assert.NotEqual(t, "another", a.keys[0])
}

func TestTheCallersKeyIsKept(t *testing.T) {
	var a attempts
	params := price(100)
	params.SetIdempotencyKey("order-7")
	_, _ = ductilestripe.Call(t.Context(), thrice(), params, a.create)
	assert.Equal(t, []string{"order-7", "order-7", "order-7"}, a.keys)
	assert.Equal(t, "order-7", *params.IdempotencyKey)
}

func TestABlankKeyIsReplaced(t *testing.T) {
	var a attempts
	params := price(100)
	params.SetIdempotencyKey(" \t")
	_, _ = ductilestripe.Call(t.Context(), thrice(), params, a.create)
	assert.Len(t, a.keys[0], 26)
	assert.Equal(t, " \t", *params.IdempotencyKey)
}

func TestEveryRunOfAPinnedFunctionIsTheSameCall(t *testing.T) {
	a := serve(t)
	create := ductilestripe.Pin(price(100), once(a.URL, a.base).V1PaymentIntents.Create)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, err := create(t.Context())
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Len(t, a.seen(), 10)
	charges := a.charged()
	require.Len(t, charges, 1)
	assert.Equal(t, 1, charges[a.seen()[0]])
}

func TestNilParamsMeanEmptyParams(t *testing.T) {
	a := serve(t, refuse(503, "api_error"))
	confirm := func(ctx context.Context, p *stripe.PaymentIntentConfirmParams) (*stripe.PaymentIntent, error) {
		return once(a.URL, a.base).V1PaymentIntents.Confirm(ctx, "pi_1", p)
	}
	_, err := ductilestripe.Call(t.Context(), thrice(), nil, confirm)
	require.NoError(t, err)
	keys := a.seen()
	require.Len(t, keys, 2)
	assert.NotEmpty(t, keys[0])
	assert.Equal(t, keys[0], keys[1])
}

func TestAPinnedFunctionRunsInAPipelineForEveryType(t *testing.T) {
	a := serve(t, reset)
	all := pipeline.New(retry.New[any](retry.Config{Clock: fake.NewClock(fake.AutoAdvance())}))
	create := ductilestripe.Pin(price(100), once(a.URL, a.base).V1PaymentIntents.Create)
	intent, err := pipeline.Run(t.Context(), all, create)
	require.NoError(t, err)
	assert.Equal(t, "pi_"+a.seen()[0], intent.ID)
}
