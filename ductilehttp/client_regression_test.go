package ductilehttp_test

import (
	"math"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductilehttp"
)

func TestAClientsHeadersAreSentAsConfigured(t *testing.T) {
	var got http.Header
	base := tripper(func(r *http.Request) (*http.Response, error) {
		got = r.Header
		return answer(r, 204, ""), nil
	})
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{
		BaseURL: "https://api.example.com", Transport: base,
		Header: http.Header{"Accept": {"application/vnd.api+json"}, "content-type": {"application/vnd.api+json"}, "x-api-key": {"one"}},
	})
	require.NoError(t, c.Post(t.Context(), "/a", 1, nil, ductilehttp.Header("X-API-Key", "two")))
	assert.Equal(t, http.Header{
		"Accept": {"application/vnd.api+json"}, "Content-Type": {"application/vnd.api+json"}, "X-Api-Key": {"two"},
	}, got)
}

func TestTheLargestBoundIsNone(t *testing.T) {
	base := tripper(func(r *http.Request) (*http.Response, error) { return answer(r, 200, `{"name":"Ada"}`), nil })
	c := ductilehttp.NewClient(ductilehttp.ClientConfig{
		BaseURL: "https://api.example.com", Transport: base, MaxResponse: math.MaxInt64,
	})
	var out student
	require.NoError(t, c.Get(t.Context(), "/a", &out))
	assert.Equal(t, "Ada", out.Name)
}
