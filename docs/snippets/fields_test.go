package snippets_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// A field that is added to a Config is added to its page.
func TestPagesNameEveryFieldOfTheirConfig(t *testing.T) {
	for page, cfg := range map[string]any{
		"policies/retry.md":    retry.Config{},
		"policies/breaker.md":  breaker.Config{},
		"policies/timeout.md":  policy.TimeoutConfig{},
		"policies/keyed.md":    keyed.Config[string, *breaker.Circuit]{},
		"policies/pipeline.md": pipeline.StandardConfig{},
		"http.md":              ductilehttp.Config{},
	} {
		text, err := os.ReadFile("../" + page)
		require.NoError(t, err)
		for _, field := range reflect.VisibleFields(reflect.TypeOf(cfg)) {
			assert.True(t, strings.Contains(string(text), "`"+field.Name+"`"), "docs/%s leaves out %T.%s", page, cfg, field.Name)
		}
	}
}
