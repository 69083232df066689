package snippets_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/console"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/hedge"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/ratelimit"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

// A field that is added to a Config is added to its page.
func TestPagesNameEveryFieldOfTheirConfig(t *testing.T) {
	for _, of := range []struct {
		page string
		cfg  any
	}{
		{"policies/retry.md", retry.Config{}},
		{"policies/breaker.md", breaker.Config{}},
		{"policies/timeout.md", policy.TimeoutConfig{}},
		{"policies/bulkhead.md", bulkhead.Config{}},
		{"policies/adaptive.md", adaptive.Config{}},
		{"policies/ratelimit.md", ratelimit.Config{}},
		{"policies/throttle.md", throttle.Config{}},
		{"policies/hedge.md", hedge.Config{}},
		{"policies/chaos.md", chaos.Config{}},
		{"policies/keyed.md", keyed.Config[string, *breaker.Circuit]{}},
		{"policies/pipeline.md", pipeline.StandardConfig{}},
		{"observing.md", observe.Config{}},
		{"observing.md", observe.LogConfig{}},
		{"console.md", console.Config{}},
		{"http.md", ductilehttp.Config{}},
		{"http.md", ductilehttp.HandlerConfig{}},
		{"http.md", ductilehttp.ClientConfig{}},
	} {
		text, err := os.ReadFile("../" + of.page)
		require.NoError(t, err)
		for _, field := range reflect.VisibleFields(reflect.TypeOf(of.cfg)) {
			assert.True(t, strings.Contains(string(text), "`"+field.Name+"`"), "docs/%s leaves out %T.%s", of.page, of.cfg, field.Name)
		}
	}
}
