package ductilestripe_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// passing are the faults that another attempt survives.
func passing(clk *fake.Clock) map[string]fault {
	return map[string]fault{
		"503": refuse(503, "api_error"), "500": refuse(500, "api_error"), "key in use": refuse(409, "idempotency_error"),
		"rate limit": refuse(429, "invalid_request_error"), "400 that may pass": refuse(400, "api_error", "Stripe-Should-Retry", "true"),
		"a balancer's 502": raw(502, "<html>"), "reset": reset,
		"answer lost": lost, "answer truncated": truncated, "answer late": late(clk), "answer stuck": stuck(clk),
		"an upgrade without a request for one": upgraded, "a redirect": raw(302, "", "Location", "/"),
	}
}

func TestACallIsChargedOnceThroughEveryFault(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		for name := range passing(nil) {
			for faults := 1; faults <= 2; faults++ {
				t.Run(fmt.Sprintf("%s, %d in a row", name, faults), func(t *testing.T) {
					clk := fake.NewClock(fake.AutoAdvance())
					a := serve(t)
					for range faults {
						a.faults = append(a.faults, passing(clk)[name])
					}
					intent, err := open(a.URL, a.base, clk).pay(t.Context(), price(100))
					require.NoError(t, err)
					keys := a.seen()
					require.Len(t, keys, 1+faults)
					require.NotEmpty(t, keys[0])
					assert.Equal(t, map[string]int{keys[0]: 1}, a.charged())
					assert.Equal(t, "pi_"+keys[0], intent.ID)
				})
			}
		}
	})
}

func TestCallerFaultsAreNotRetried(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		for status, kind := range map[int]string{
			400: "invalid_request_error", 401: "invalid_request_error", 402: "card_error", 404: "invalid_request_error",
		} {
			a := serve(t, refuse(status, kind))
			s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
			_, err := s.pay(t.Context(), price(100))
			var e *stripe.Error
			require.ErrorAs(t, err, &e, "status %d", status)
			assert.Equal(t, status, e.HTTPStatusCode)
			assert.Len(t, a.seen(), 1, "status %d", status)
			assert.Empty(t, s.clk.Sleeps(), "status %d", status)
			assert.Zero(t, s.circuit.Snapshot().Counts.Failures, "status %d", status)
		}
	})
}

func TestStripeShouldRetryFalseStopsTheRetries(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		a := serve(t, refuse(500, "api_error", "Stripe-Should-Retry", "false"))
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		_, err := s.pay(t.Context(), price(100))
		require.Error(t, err)
		assert.Len(t, a.seen(), 1)
		assert.EqualValues(t, 1, s.circuit.Snapshot().Counts.Failures)
	})
}

func TestARedirectOfAWriteIsAnError(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"/v1/payment_intents", "http://other.example/v1/payment_intents", ""} {
			t.Run(fmt.Sprintf("%d to %q", status, location), func(t *testing.T) {
				ways(t, func(t *testing.T, open opener) {
					var followed atomic.Int64
					base := tripper(func(r *http.Request) (*http.Response, error) {
						if r.Method != http.MethodPost || r.Host != "h.example" {
							followed.Add(1)
						}
						resp := says(r, status, []byte(`{"id": "pi_of_another"}`), "")
						resp.Header.Set("Location", location)
						return resp, nil
					})
					s := open("http://h.example", base, fake.NewClock(fake.AutoAdvance()))
					_, err := s.pay(t.Context(), price(100))
					require.ErrorContains(t, err, "Stripe redirects no request that writes")
					assert.Zero(t, followed.Load())
					assert.EqualValues(t, 3, s.circuit.Snapshot().Counts.Failures)
				})
			})
		}
	}
}

func TestARedirectOfAReadIsFollowed(t *testing.T) {
	a := serve(t, raw(302, "", "Location", "/v1/payment_intents/pi_2"))
	intent, err := once(a.URL, a.base).V1PaymentIntents.Retrieve(t.Context(), "pi_1", nil)
	require.NoError(t, err)
	assert.NotEmpty(t, intent.ID)
	assert.Len(t, a.seen(), 2)
}

func TestTheDelayIsAtLeastTheRetryAfter(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		for _, status := range []int{409, 429, 503} {
			a := serve(t, refuse(status, "api_error", "Retry-After", "7"))
			s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
			_, err := s.pay(t.Context(), price(100))
			require.NoError(t, err)
			assert.Equal(t, []time.Duration{7 * time.Second}, s.clk.Sleeps(), "status %d", status)
		}
	})
}

// A load balancer in front of Stripe refuses in its own format, which the SDK does not read.
func TestTheDelayIsAtLeastTheRetryAfterOfALoadBalancer(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		for name, body := range map[string]string{"HTML": "<h1>busy</h1>", "no body": "", "other JSON": `{"message": "busy"}`} {
			a := serve(t, raw(503, body, "Retry-After", "7"))
			s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
			_, err := s.pay(t.Context(), price(100))
			require.NoError(t, err, name)
			assert.Equal(t, []time.Duration{7 * time.Second}, s.clk.Sleeps(), name)
		}
	})
}

func TestStripeShouldRetryFalseStopsTheRetriesInAnyFormat(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		a := serve(t, raw(503, "<h1>busy</h1>", "Stripe-Should-Retry", "false"))
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		_, err := s.pay(t.Context(), price(100))
		require.ErrorContains(t, err, "busy")
		assert.Len(t, a.seen(), 1)
		assert.EqualValues(t, 1, s.circuit.Snapshot().Counts.Failures)
	})
}

func TestARefusalWithoutAnErrorInItIsNotRetried(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		a := serve(t, raw(403, `{"message": "blocked"}`))
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		_, err := s.pay(t.Context(), price(100))
		require.Error(t, err)
		assert.Len(t, a.seen(), 1)
		assert.Zero(t, s.circuit.Snapshot().Counts.Failures)
	})
}

// The first attempt was refused for a long time, and the second got no answer.
func TestARetryAfterIsForTheAttemptThatGotIt(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		a := serve(t, raw(503, "<h1>busy</h1>", "Retry-After", "7"), reset)
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		_, err := s.pay(t.Context(), price(100))
		require.NoError(t, err)
		assert.Equal(t, []time.Duration{7 * time.Second, time.Second}, s.clk.Sleeps())
	})
}

func TestAttemptsDoNotMultiply(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		for name, f := range map[string]fault{"503": refuse(503, "api_error"), "reset": reset, "409": refuse(409, "api_error")} {
			a := serve(t)
			a.always = f
			_, err := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance())).pay(t.Context(), price(100))
			require.Error(t, err, name)
			assert.Len(t, a.seen(), retry.DefaultMaxAttempts, name)
		}
	})
}

// A kept-alive connection breaks under a request with a key. By itself, net/http sends it
// again, without a delay and uncounted.
func TestNetHTTPDoesNotRepeatRequests(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		for name, params := range map[string]*stripe.PaymentIntentCreateParams{"a body": price(100), "no body": nil} {
			a := serve(t, nil, reset)
			s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
			for range 2 {
				_, err := s.pay(t.Context(), params)
				require.NoError(t, err, name)
			}
			assert.Len(t, a.seen(), 3, name)
			assert.Len(t, s.clk.Sleeps(), 1, "the third is a retry of ours, delayed and counted; %s", name)
		}
	})
}

func TestNoNumberOfDeclinedCardsOpensTheCircuit(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		a := serve(t)
		a.always = refuse(402, "card_error")
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		for range threshold + 3 {
			_, err := s.pay(t.Context(), price(100))
			require.Error(t, err)
			require.NotErrorIs(t, err, policy.ErrRejected)
		}
		assert.Len(t, a.seen(), threshold+3)
		assert.Equal(t, breaker.Closed, s.circuit.State())
		assert.Zero(t, s.circuit.Snapshot().Counts.Failures)
	})
}

func TestAnOpenCircuitSendsNothingInAnOutage(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		a := serve(t)
		a.always = refuse(503, "api_error")
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		for range 4 {
			_, err := s.pay(t.Context(), price(100))
			require.Error(t, err)
		}
		assert.Len(t, a.seen(), threshold)
		assert.Equal(t, breaker.Open, s.circuit.State())
		_, err := s.pay(t.Context(), price(100))
		require.ErrorIs(t, err, breaker.ErrOpen)

		a.mu.Lock()
		a.always = nil
		a.mu.Unlock()
		s.clk.Advance(s.circuit.Snapshot().RetryAfter)
		_, err = s.pay(t.Context(), price(100))
		require.NoError(t, err)
		assert.Equal(t, breaker.Closed, s.circuit.State())
	})
}

// Many calls run at once, and each request meets a random fault or none.
func TestNoKeyIsChargedTwiceUnderRandomFaults(t *testing.T) {
	ways(t, func(t *testing.T, open opener) {
		const callers, calls = 8, 25
		a := serve(t)
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(1, 2))
		faults := []fault{nil, nil, nil, refuse(503, "api_error"), refuse(409, "api_error"), refuse(402, "card_error"), reset, lost, truncated, garbled}
		a.always = func(w http.ResponseWriter, r *http.Request, charge func()) {
			mu.Lock()
			f := faults[random.IntN(len(faults))]
			mu.Unlock()
			if f != nil {
				f(w, r, charge)
				return
			}
			charge()
			_, _ = fmt.Fprintf(w, `{"id": "pi_%s"}`, key(r))
		}
		s := open(a.URL, a.base, fake.NewClock(fake.AutoAdvance()))
		var paid atomic.Int64
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range calls {
					if _, err := s.pay(t.Context(), price(100)); err == nil {
						paid.Add(1)
					}
					s.circuit.Reset()
				}
			})
		}
		wg.Wait()
		charges := a.charged()
		assert.NotZero(t, paid.Load())
		assert.GreaterOrEqual(t, len(charges), int(paid.Load()), "a call that reported a charge has one")
		assert.LessOrEqual(t, len(charges), callers*calls, "there are no more charges than calls")
		for k, n := range charges {
			assert.Equal(t, 1, n, k)
		}
		attempts := map[string]int{}
		for _, k := range a.seen() {
			attempts[k]++
		}
		for k, n := range attempts {
			assert.LessOrEqual(t, n, retry.DefaultMaxAttempts, k)
		}
	})
}

func TestALongResponseIsStreamed(t *testing.T) {
	const size = 3 << 20
	a := serve(t, func(w http.ResponseWriter, _ *http.Request, _ func()) {
		_, _ = w.Write(make([]byte, size))
	})
	pdf, err := once(a.URL, a.base).V1Quotes.PDF(t.Context(), "qt_1", nil)
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, pdf.LastResponse.Body)
	require.NoError(t, err)
	assert.EqualValues(t, size, n)
	require.NoError(t, pdf.LastResponse.Body.Close())
}
