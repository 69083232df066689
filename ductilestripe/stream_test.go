package ductilestripe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v86"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductilestripe"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// files accepts file uploads: it records their contents, and refuses the first ones.
func files(t *testing.T, refused int) (url string, got func() []string) {
	var mu sync.Mutex
	var all []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content := "no file"
		if f, _, err := r.FormFile("file"); err == nil {
			b, _ := io.ReadAll(f)
			content = string(b)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, content)
		if len(all) <= refused {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":{"type":"api_error"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"file_1"}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return all
	}
}

func upload(r io.Reader) *stripe.FileCreateParams {
	return &stripe.FileCreateParams{
		FileReader: r, Filename: stripe.String("evidence.txt"), Purpose: stripe.String("dispute_evidence"),
	}
}

func fileRetry() *retry.Retry[*stripe.File] {
	return retry.New[*stripe.File](retry.Config{Clock: fake.NewClock(fake.AutoAdvance())})
}

func TestEveryAttemptSendsTheWholeFile(t *testing.T) {
	const content = "what the customer signed"
	for name, r := range map[string]io.Reader{
		"stream": io.MultiReader(strings.NewReader(content)), "seeker": strings.NewReader(content),
	} {
		t.Run(name, func(t *testing.T) {
			url, got := files(t, 2)
			client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(uploads(url, ductilestripe.Config{Once: true}))))
			_, err := ductilestripe.Call(t.Context(), fileRetry(), upload(r), client.V1Files.Create)
			require.NoError(t, err)
			assert.Equal(t, []string{content, content, content}, got())
		})
	}
}

func TestALargeFileIsSentAgainByATransport(t *testing.T) {
	content := strings.Repeat("x", 3<<20)
	url, got := files(t, 1)
	cfg := uploads(url, ductilestripe.Config{Transport: ductilehttp.Config{Retry: retry.Config{BaseDelay: retry.NoDelay}}})
	client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(cfg)))
	_, err := client.V1Files.Create(t.Context(), upload(strings.NewReader(content)))
	require.NoError(t, err)
	require.Len(t, got(), 2)
	assert.True(t, got()[1] == content)
}

func uploads(url string, cfg ductilestripe.Config) ductilestripe.Config {
	cfg.SDK.URL = stripe.String(url)
	return cfg
}

func TestConcurrentAttemptsSendTheWholeFile(t *testing.T) {
	url, got := files(t, 0)
	client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(uploads(url, ductilestripe.Config{Once: true}))))
	create := ductilestripe.Pin(upload(io.MultiReader(strings.NewReader("content"))), client.V1Files.Create)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			_, err := create(t.Context())
			assert.NoError(t, err)
		})
	}
	all.Wait()
	for _, content := range got() {
		assert.Equal(t, "content", content)
	}
}

type brokenFile struct{}

var errDisk = errors.New("disk")

func (brokenFile) Read([]byte) (int, error) { return 0, errDisk }

func TestAFileThatCannotBeReadEndsTheCall(t *testing.T) {
	calls := 0
	_, err := ductilestripe.Call(t.Context(), fileRetry(), upload(brokenFile{}), func(context.Context, *stripe.FileCreateParams) (*stripe.File, error) {
		calls++
		return nil, nil
	})
	require.ErrorIs(t, err, errDisk)
	require.ErrorContains(t, err, "ductilestripe: read FileReader: ")
	assert.Zero(t, calls)
}

// panicking is a reader that panics once.
type panicking struct{ io.Reader }

func (p *panicking) Read(b []byte) (int, error) {
	if r := p.Reader; r != nil {
		p.Reader = nil
		n, _ := r.Read(b[:4])
		return n, nil
	}
	p.Reader = strings.NewReader(" and the end")
	panic("bad sector")
}

// A later run must not send the beginning of the file, or nothing, as all of it.
func TestAFileWhoseReaderPanicsIsNeverSent(t *testing.T) {
	calls := 0
	create := ductilestripe.Pin(upload(&panicking{strings.NewReader("the beginning")}), func(context.Context, *stripe.FileCreateParams) (*stripe.File, error) {
		calls++
		return nil, nil
	})
	assert.PanicsWithValue(t, "bad sector", func() { _, _ = create(t.Context()) })
	for range 2 {
		_, err := create(t.Context())
		require.EqualError(t, err, "ductilestripe: a reader of the params did not return; its data cannot be sent")
	}
	assert.Zero(t, calls)
}

func TestALaterChangeOfTheKeyChangesNoAttempt(t *testing.T) {
	var a attempts
	params := price(100)
	params.SetIdempotencyKey("order-7")
	create := ductilestripe.Pin(params, a.create)
	*params.IdempotencyKey = "order-8"
	_, _ = create(t.Context())
	_, _ = create(t.Context())
	assert.Equal(t, []string{"order-7", "order-7"}, a.keys)
}

// responds answers the first n requests with status, JSON and headers, and the others with
// a success.
func responds(t *testing.T, n int64, status int, body string, header ...string) (url string, requests *atomic.Int64) {
	requests = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) > n {
			_, _ = io.WriteString(w, `{"id":"pi_1"}`)
			return
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

const locked = `{"error":{"type":"invalid_request_error","code":"lock_timeout","message":"busy"}}`

func TestALockTimeoutIsRetriedAndIgnored(t *testing.T) {
	url, requests := responds(t, 2, 429, locked)
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(uploads(url, ductilestripe.Config{
		Transport: ductilehttp.Config{Circuit: circuit, Retry: retry.Config{BaseDelay: retry.NoDelay}},
	}))))
	_, err := client.V1PaymentIntents.Create(t.Context(), price(100))
	require.NoError(t, err)
	assert.EqualValues(t, 3, requests.Load())
	assert.Equal(t, breaker.Closed, circuit.State())

	url, _ = responds(t, 1, 429, locked)
	client = stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(uploads(url, ductilestripe.Config{Once: true}))))
	_, err = client.V1PaymentIntents.Create(t.Context(), price(100))
	assert.True(t, ductilestripe.Retryable(err))
	assert.Equal(t, policy.Ignored, ductilestripe.Classify(err))

	url, _ = responds(t, 1, 429, `{"error":{"type":"invalid_request_error","code":"rate_limit"}}`)
	client = stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(uploads(url, ductilestripe.Config{
		Transport: ductilehttp.Config{Circuit: circuit, Retry: retry.Config{MaxAttempts: 1}},
	}))))
	_, err = client.V1PaymentIntents.Create(t.Context(), price(100))
	require.Error(t, err)
	assert.Equal(t, breaker.Open, circuit.State(), "a rate limit counts")
}

func TestALockTimeoutIsSeenInAResponseWithoutAHeader(t *testing.T) {
	base := tripper(func(r *http.Request) (*http.Response, error) {
		resp := says(r, 429, []byte(locked), "")
		resp.Header = nil
		return resp, nil
	})
	_, err := once("http://h.example", base).V1PaymentIntents.Create(t.Context(), price(100))
	assert.Equal(t, policy.Ignored, ductilestripe.Classify(err))
}

func TestAStoredFailureIsFinal(t *testing.T) {
	const body = `{"error":{"type":"api_error"}}`
	url, requests := responds(t, 1, 500, body, "Idempotent-Replayed", "true", "Stripe-Should-Retry", "true")
	circuit := breaker.NewCircuit(breaker.Config{FailureThreshold: 1})
	client := stripe.NewClient("sk_test_123", stripe.WithBackends(ductilestripe.NewBackends(uploads(url, ductilestripe.Config{
		Transport: ductilehttp.Config{Circuit: circuit, Retry: retry.Config{BaseDelay: retry.NoDelay}},
	}))))
	_, err := client.V1PaymentIntents.Create(t.Context(), price(100))
	require.Error(t, err)
	assert.EqualValues(t, 1, requests.Load())
	assert.Equal(t, breaker.Closed, circuit.State())
	assert.False(t, ductilestripe.Retryable(err))
}
