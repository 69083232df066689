package scenarios_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/sim"
	"github.com/ductile-go/ductile/sim/scenarios"
)

// long takes more than some seconds under the race detector.
var long = map[string]bool{"metastable-overload": true, "cache-stampede": true, "gc-spiral": true, "sinkhole": true}

func TestEachExampleEndsAsItsPageSays(t *testing.T) {
	for name, verdicts := range map[string]map[string]string{
		"metastable-overload": {
			"plain":         `^never recovers: 65 s after the fault 0 % succeed at 3\.0\dx the load \(metastable\)$`,
			"budget":        `^recovers 1\d(\.\d)? s after the fault; at worst 1\.[0-2]\dx the load$`,
			"as_configured": `^recovers [2-4](\.\d)? s after the fault; at worst 1\.00x the load$`,
		},
		"retry-storm": {
			"plain":         `^never recovers: 40 s after the fault 0 % succeed at 2\.\d\dx the load \(metastable\)$`,
			"as_configured": `^recovers ([0-3](\.\d)? s|\d+ ms) after the fault; at worst 1\.0\dx the load$`,
		},
		"gc-spiral": {
			"plain":         `^never recovers: 67 s after the fault 0 % succeed at 1\.00x the load \(metastable\)$`,
			"as_configured": `^recovers [1-4](\.\d)? s after the fault; at worst 1\.00x the load$`,
		},
		"sinkhole": {
			"plain":         `^recovers at once; [23]\d(\.\d)? % succeed during the fault, at worst 1\.00x the load$`,
			"as_configured": `^recovers at once; [23]\d(\.\d)? % succeed during the fault, at worst 2\.[67]\dx the load$`,
		},
		"cache-stampede": {
			"plain":         `^recovers [2-4]\d(\.\d)? s after the fault; at worst 1\.[345]\dx the load$`,
			"budget":        `^recovers [1-4]\d(\.\d)? s after the fault; at worst 1\.[12]\dx the load$`,
			"as_configured": `^recovers [3-9](\.\d)? s after the fault; at worst (0\.9\d|1\.00)x the load$`,
		},
		"one-bad-replica": {
			"plain":         `^as many calls succeed as before; p99 rises from \d\d ms to (\d{3} ms|1(\.\d+)? s)$`,
			"as_configured": `^as many calls succeed as before; p99 rises from \d\d ms to 1[0-4]\d ms, at worst 1\.1\dx the load$`,
		},
		"thundering-herd": {
			"plain":         `^recovers (8|9|1\d)(\.\d)? s after the fault; at worst 1\.[345]\dx the load$`,
			"as_configured": `^as many calls succeed as before; p99 rises from \d+ ms to 2\d(\.\d)? s, at worst 1\.[12]\dx the load$`,
		},
		"cascading-timeouts": {
			"plain":         `^recovers [12]\d(\.\d)? s after the fault; at worst 2\.\d\dx the load$`,
			"as_configured": `^recovers (\d+ ms|[1-3](\.\d)? s) after the fault; at worst 1\.0\dx the load$`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if long[name] {
				raced.Skip(t, "it takes too long")
			}
			e, err := scenarios.Find(name)
			require.NoError(t, err)
			r, err := sim.Run(t.Context(), e.Scenario())
			require.NoError(t, err)
			require.NoError(t, r.Check())
			require.Len(t, r.Results, len(verdicts))
			for _, x := range r.Results {
				assert.Regexp(t, verdicts[x.Variant], x.Verdict, x.Variant)
			}
		})
	}
}

func TestABalancerThatDoesNotLookAtLoadHasNoSinkhole(t *testing.T) {
	raced.Skip(t, "it takes too long")
	e, err := scenarios.Find("sinkhole")
	require.NoError(t, err)
	s := e.Scenario()
	s.Services[0].Balance = sim.RoundRobin
	r, err := sim.Run(t.Context(), s)
	require.NoError(t, err)
	assert.InDelta(t, 0.9, r.Result("plain").During.Success(), 0.01)
	assert.Greater(t, r.Result("as_configured").During.Success(), 0.99)
}

func TestEachExampleHasItsFiles(t *testing.T) {
	require.Len(t, scenarios.All(), 8)
	for _, e := range scenarios.All() {
		assert.NotEmpty(t, e.Title)
		for _, name := range []string{"outage.yaml", "ductile.yaml", "README.md"} {
			text, err := e.File(name)
			require.NoError(t, err)
			same, err := fs.ReadFile(e.Files(), name)
			require.NoError(t, err)
			assert.Equal(t, text, string(same))
			assert.Greater(t, len(strings.Split(text, "\n")), 3, "%s of %s", name, e.Name)
			assert.NotContains(t, text, "\t")
		}
		readme, err := e.File("README.md")
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(readme, "# "+e.Name+"\n"))
		assert.LessOrEqual(t, strings.Count(readme, "\n"), 13)
		_, err = e.File("nothing.yaml")
		assert.ErrorContains(t, err, "example "+e.Name)
	}
}

func TestAnUnknownExampleNamesTheNearest(t *testing.T) {
	_, err := scenarios.Find("retry-strom")
	assert.EqualError(t, err, `scenarios: there is no example "retry-strom"; did you mean retry-storm? (there are metastable-overload, retry-storm, gc-spiral, sinkhole, cache-stampede, one-bad-replica, thundering-herd, cascading-timeouts)`)
	_, err = scenarios.Find("zzz")
	assert.ErrorContains(t, err, `no example "zzz" (there are`)
	assert.Panics(t, func() { scenarios.Example{Name: ".."}.Files() })
}
