package observe_test

import (
	"bytes"
	"encoding/json"
	"expvar"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// story makes calls of which some are rescued, some fail, and some meet an open circuit.
func story(t *testing.T) *charge {
	t.Helper()
	c := newCharge(observe.Config{MaxSeries: 8, MaxKeys: 1})
	c.stats.Watch(c.circuit, c.Pipeline, bulkhead.NewGate(bulkhead.Config{Name: "db", Limit: 8, MaxQueue: 4}))
	require.NoError(t, c.does(t))
	require.NoError(t, c.does(t, errDown))
	require.Error(t, c.does(t, errDown, errDown, errDown))
	require.Error(t, c.does(t))
	observed(c.stats,
		policy.Event{Kind: policy.Waited, Pipeline: "reports", Policy: "bulkhead", Name: "db", Delay: 40 * time.Millisecond},
		policy.Event{Kind: policy.Judged, Pipeline: "reports", Policy: "breaker", Name: "tenants", Key: "a", Outcome: policy.Success},
		policy.Event{Kind: policy.Judged, Pipeline: "reports", Policy: "breaker", Name: "tenants", Key: "b", Outcome: policy.Success})
	return c
}

// To accept a change of the JSON, run this test with UPDATE=1.
func TestASnapshotsJSONIsThatOfThePage(t *testing.T) {
	var got bytes.Buffer
	require.NoError(t, json.Indent(&got, []byte(story(t).stats.String()), "", "\t"))
	got.WriteByte('\n')
	const file = "testdata/snapshot.json"
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

func TestASnapshotReadFromJSONHasTheSameQuantiles(t *testing.T) {
	before := story(t).stats.Snapshot()
	text, err := json.Marshal(before)
	require.NoError(t, err)
	var after observe.Snapshot
	require.NoError(t, json.Unmarshal(text, &after))
	require.Len(t, after.Series, len(before.Series))
	assert.True(t, before.At.Equal(after.At))
	assert.Equal(t, before.Circuits[0].State, after.Circuits[0].State)
	assert.Equal(t, before.Pipelines[0].Composition, after.Pipelines[0].Composition)
	for i, one := range before.Series {
		assert.Equal(t, one.Labels, after.Series[i].Labels)
		if one.Histogram != nil {
			assert.InDelta(t, one.Histogram.Quantile(0.9), after.Series[i].Histogram.Quantile(0.9), 0)
		}
	}
}

func TestAnEmptyStatsHasNoNullInItsJSON(t *testing.T) {
	assert.NotContains(t, observe.New(observe.Config{}).String(), "null")
}

func TestStatsIsAnExpvarVar(t *testing.T) {
	var v expvar.Var = observe.New(observe.Config{})
	assert.True(t, json.Valid([]byte(v.String())))
}

func TestFindMatchesAPartOfTheLabels(t *testing.T) {
	snap := story(t).stats.Snapshot()
	one, ok := snap.Find("ductile.call.duration", labels{"outcome": "rejected"})
	require.True(t, ok)
	assert.Equal(t, "open", one.Labels["error.type"])
	_, ok = snap.Find("ductile.call.duration", labels{"outcome": "canceled"})
	assert.False(t, ok)
	_, ok = snap.Find("ductile.call.duration", labels{"nope": ""})
	assert.False(t, ok, "a label that is not there")
}

func TestASnapshotSharesNothingWithTheNext(t *testing.T) {
	c := story(t)
	first := c.stats.Snapshot()
	for _, one := range first.Series {
		one.Labels["changed"] = "yes"
		if one.Histogram != nil && len(one.Histogram.Buckets) > 0 {
			one.Histogram.Buckets[0] = math.MaxUint64
		}
	}
	assert.NotContains(t, fmt.Sprint(c.stats.Snapshot()), "changed")
	assert.NotContains(t, c.stats.String(), fmt.Sprint(uint64(math.MaxUint64)))
}
