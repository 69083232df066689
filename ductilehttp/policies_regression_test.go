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
)

func TestWithRefusesANilPolicyAtOnce(t *testing.T) {
	tr := ductilehttp.NewTransport(ductilehttp.Config{})
	assert.Panics(t, func() { tr.With(nil) })
	assert.Panics(t, func() { tr.With((*policy.TimeoutPolicy[*http.Response])(nil)) })
}

// bodiless is a policy that answers without a body.
type bodiless struct{}

func (bodiless) Execute(context.Context, policy.Call[*http.Response]) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}}, nil
}

func TestAPoliciesResponseWithoutABodyHasAnEmptyOne(t *testing.T) {
	tr := ductilehttp.NewTransport(ductilehttp.Config{Pipeline: pipeline.New[*http.Response](bodiless{})})
	resp, err := tr.RoundTrip(request(t, "GET", "http://h.example", nil))
	require.NoError(t, err)
	require.NotNil(t, resp.Body)
	assert.Empty(t, read(t, resp))
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{BaseURL: "http://h.example", Base: tr})
	require.NoError(t, c.Get(t.Context(), "/", nil))
}
