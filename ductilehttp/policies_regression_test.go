package ductilehttp_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
)

func TestWithPanicsOnANilPolicy(t *testing.T) {
	tr := ductilehttp.NewTransport(ductilehttp.Config{})
	assert.Panics(t, func() { tr.With(nil) })
	assert.Panics(t, func() { tr.With((*policy.TimeoutPolicy[*http.Response])(nil)) })
}

// bodiless is a policy that returns a response without a body.
type bodiless struct{}

func (bodiless) Execute(context.Context, policy.Call[*http.Response]) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}}, nil
}

func TestAPolicyResponseWithoutABodyGetsAnEmptyBody(t *testing.T) {
	tr := ductilehttp.NewTransport(ductilehttp.Config{Pipeline: pipeline.New[*http.Response](bodiless{})})
	resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
	require.NoError(t, err)
	require.NotNil(t, resp.Body)
	assert.Empty(t, read(t, resp))
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: tr})
	require.NoError(t, c.Get(t.Context(), "/", nil))
}

// nilStatus is a policy that fails with a nil pointer.
type nilStatus struct{}

func (nilStatus) Execute(context.Context, policy.Call[*http.Response]) (*http.Response, error) {
	var status *ductilehttp.StatusError
	return nil, status
}

func TestANilStatusErrorIsAnErrorLikeOthers(t *testing.T) {
	told := 0
	for name, outer := range map[string]policy.Policy[*http.Response]{
		"rate limit": ductilehttp.RateLimit(ratelimit.NewLimiter(ratelimit.Config{Limit: 10})),
		"retry":      ductilehttp.Retry(retry.Config{BaseDelay: retry.NoDelay, OnRetry: func(context.Context, policy.Event) { told++ }}),
	} {
		tr := ductilehttp.NewTransport(ductilehttp.Config{Pipeline: pipeline.New[*http.Response](outer, nilStatus{})})
		assert.NotPanics(t, func() { require.Error(t, send(t, tr, "GET", "http://h.example", nil)) }, name)
	}
	assert.Equal(t, 2, told)
}
