package observe_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

// typed is an error with a type of its own choice.
type typed string

func (e typed) Error() string     { return string(e) }
func (e typed) ErrorType() string { return string(e) }

// counted returns the sum of the measurements of an instrument.
func counted(snap observe.Snapshot, name string) (n float64) {
	for _, one := range all(snap, name) {
		if one.Histogram != nil {
			n += float64(one.Histogram.Count)
		} else {
			n += one.Value
		}
	}
	return n
}

func TestBeyondMaxSeriesMeasurementsGoToTheOverflowSeries(t *testing.T) {
	s := observe.New(observe.Config{MaxSeries: 2})
	for i := range 5 {
		name := "p" + strconv.Itoa(i)
		observed(s,
			policy.Event{Kind: policy.Started, Pipeline: name},
			policy.Event{Kind: policy.Rejected, Pipeline: name, Policy: "bulkhead", Reason: "limit"},
			policy.Event{Kind: policy.Finished, Pipeline: name, Attempt: 2, Elapsed: time.Second},
			policy.Event{Kind: policy.Started, Pipeline: name})
	}
	snap := s.Snapshot()
	for _, name := range []string{"ductile.call.duration", "ductile.call.attempts", "ductile.rejections", "ductile.call.active"} {
		require.Len(t, all(snap, name), 3, name)
		assert.InDelta(t, 5, counted(snap, name), 0, name)
	}
	over := series(t, s, "ductile.call.duration", overflow)
	assert.EqualValues(t, 3, over.Histogram.Count)
	assert.InDelta(t, 3, over.Histogram.Sum, 0)
	assert.InDelta(t, 3, series(t, s, "ductile.call.active", overflow).Value, 0)
	assert.InDelta(t, 3*3, series(t, s, "ductile.series.dropped", labels{}).Value, 0, "three measurements of each of three pipelines")
}

func TestNothingIsDroppedBelowMaxSeries(t *testing.T) {
	s := observe.New(observe.Config{MaxSeries: 2})
	observed(s, policy.Event{Kind: policy.Started, Pipeline: "a"}, policy.Event{Kind: policy.Started, Pipeline: "b"})
	assert.Zero(t, series(t, s, "ductile.series.dropped", labels{}).Value)
	assert.Len(t, all(s.Snapshot(), "ductile.call.active"), 2)
}

func TestAttemptsOfAPipelineAreRightWhenItsDurationsOverflow(t *testing.T) {
	s := observe.New(observe.Config{MaxSeries: 1})
	observed(s,
		policy.Event{Kind: policy.Started, Pipeline: "p"}, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: 1},
		policy.Event{Kind: policy.Started, Pipeline: "p"}, policy.Event{Kind: policy.Finished, Pipeline: "p", Attempt: 1, Err: errDown},
	)
	assert.EqualValues(t, 1, series(t, s, "ductile.call.duration", overflow).Histogram.Count)
	assert.EqualValues(t, 2, series(t, s, "ductile.call.attempts", labels{"pipeline.name": "p"}).Histogram.Count)
	assert.Zero(t, series(t, s, "ductile.call.active", labels{"pipeline.name": "p"}).Value)
}

func TestNamesBeyondTheirLimitAreOther(t *testing.T) {
	s := observe.New(observe.Config{MaxOperations: 2, MaxErrorTypes: 1, MaxKeys: 1})
	for i := range 4 {
		name := strconv.Itoa(i)
		ctx := observe.WithOperation(t.Context(), "op"+name)
		s.Observe(ctx, policy.Event{Kind: policy.Finished, Pipeline: "p"})
		observed(s,
			policy.Event{Kind: policy.Finished, Pipeline: "p", Err: typed("e" + name)},
			policy.Event{Kind: policy.Attempted, Pipeline: "p", Policy: "retry", Err: typed("e" + name)},
			policy.Event{Kind: policy.Judged, Pipeline: "p", Policy: "breaker", Key: "k" + name})
	}
	count := func(name string, l labels) float64 {
		one := series(t, s, name, l)
		if one.Histogram != nil {
			return float64(one.Histogram.Count)
		}
		return one.Value
	}
	call := func(l labels) float64 {
		l["pipeline.name"] = "p"
		return count("ductile.call.duration", l)
	}
	assert.InDelta(t, 1, call(labels{"outcome": "success", "rescue": "none", "operation": "op1"}), 0)
	assert.InDelta(t, 2, call(labels{"outcome": "success", "rescue": "none", "operation": observe.Other}), 0)
	assert.InDelta(t, 1, call(labels{"outcome": "failure", "error.type": "e0"}), 0)
	assert.InDelta(t, 3, call(labels{"outcome": "failure", "error.type": observe.Other}), 0)
	assert.InDelta(t, 3, count("ductile.attempt.duration", labels{
		"pipeline.name": "p", "policy.name": "retry", "attempt.type": "original", "outcome": "failure", "error.type": observe.Other,
	}), 0)
	assert.InDelta(t, 1, count("ductile.circuit.calls", labels{"circuit.name": "breaker", "outcome": "undecided", "slow": "false", "key": "k0"}), 0)
	assert.InDelta(t, 3, count("ductile.circuit.calls", labels{"circuit.name": "breaker", "outcome": "undecided", "slow": "false", "key": observe.Other}), 0)
	assert.Zero(t, series(t, s, "ductile.series.dropped", labels{}).Value, "_OTHER is no overflow")
}

func TestEachPipelineHasItsOwnLimits(t *testing.T) {
	s := observe.New(observe.Config{MaxErrorTypes: 1})
	observed(s,
		policy.Event{Kind: policy.Finished, Pipeline: "a", Err: typed("x")},
		policy.Event{Kind: policy.Finished, Pipeline: "b", Err: typed("y")})
	series(t, s, "ductile.call.duration", labels{"pipeline.name": "a", "outcome": "failure", "error.type": "x"})
	series(t, s, "ductile.call.duration", labels{"pipeline.name": "b", "outcome": "failure", "error.type": "y"})
}

func TestKeysAreNoLabelByDefault(t *testing.T) {
	s := observe.New(observe.Config{})
	observed(s, policy.Event{Kind: policy.Finished, Pipeline: "p", Key: "tenant"})
	series(t, s, "ductile.call.duration", labels{"pipeline.name": "p", "outcome": "success", "rescue": "none"})
	observed(s, policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: "tenant"})
	assert.Len(t, all(s.Snapshot(), "ductile.call.duration"), 1)
}

func TestForgottenDeletesTheSeriesOfAKey(t *testing.T) {
	s := observe.New(observe.Config{MaxKeys: 2})
	for _, key := range []string{"a", "b", "c"} {
		observed(s,
			policy.Event{Kind: policy.Started, Pipeline: "p", Key: key},
			policy.Event{Kind: policy.Rejected, Pipeline: "p", Key: key, Policy: "breaker", Name: "db", Reason: "open"},
			policy.Event{Kind: policy.Judged, Pipeline: "p", Key: key, Policy: "breaker", Name: "db"},
			policy.Event{Kind: policy.Finished, Pipeline: "p", Key: key})
	}
	keys := func(name string) (keys []string) {
		for _, one := range all(s.Snapshot(), name) {
			keys = append(keys, one.Labels["key"])
		}
		return keys
	}
	of := []string{"ductile.call.duration", "ductile.rejections", "ductile.circuit.calls"}
	for _, name := range of {
		require.ElementsMatch(t, []string{"a", "b", observe.Other}, keys(name), name)
	}
	observed(s, policy.Event{Kind: policy.Forgotten, Pipeline: "q", Key: "a"}, policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: "c"})
	require.Len(t, keys("ductile.rejections"), 3, "another pipeline's key, and one without series")
	observed(s, policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: "a"})
	for _, name := range of {
		require.ElementsMatch(t, []string{"b", observe.Other}, keys(name), name)
	}
	observed(s, policy.Event{Kind: policy.Finished, Pipeline: "p", Key: "d"})
	assert.ElementsMatch(t, []string{"b", "d", observe.Other}, keys("ductile.call.duration"), "its place is free")
	assert.Zero(t, series(t, s, "ductile.call.active", labels{"pipeline.name": "p"}).Value, "calls in flight have no key, so that they add up")
}

func TestKeysThatComeAndGoLeaveNothing(t *testing.T) {
	s := observe.New(observe.Config{MaxSeries: 3, MaxKeys: 1})
	for i := range 1000 {
		key := strconv.Itoa(i)
		observed(s,
			policy.Event{Kind: policy.Judged, Pipeline: "p", Key: key, Policy: "breaker", Name: "c" + key},
			policy.Event{Kind: policy.Judged, Pipeline: "p", Key: key, Policy: "breaker", Name: "shared"},
			policy.Event{Kind: policy.Forgotten, Pipeline: "p", Key: key})
	}
	assert.Zero(t, counted(s.Snapshot(), "ductile.series.dropped"), "each key had room")
	assert.Empty(t, all(s.Snapshot(), "ductile.circuit.calls"))
	assert.LessOrEqual(t, observe.Entries(s), 3, "entries in the table")
}

// Many names of each kind are bounded by the limits, and all is counted.
func TestInventedNamesAreBounded(t *testing.T) {
	names := raced.Or(10_000, 100_000)
	s := observe.New(observe.Config{MaxKeys: 10})
	for i := range names {
		name := "name-" + strconv.Itoa(i)
		ctx := observe.WithOperation(t.Context(), name)
		var err error
		if i%2 == 0 {
			err = typed(name)
		}
		s.Observe(ctx, policy.Event{Kind: policy.Finished, Pipeline: "p", Key: name, Err: err})
		s.Observe(ctx, policy.Event{Kind: policy.Rejected, Pipeline: name, Policy: "breaker", Name: name, Reason: name})
		s.Observe(ctx, policy.Event{Kind: policy.Judged, Pipeline: "p", Policy: "breaker", Name: name})
	}
	snap := s.Snapshot()
	for _, name := range []string{"ductile.call.duration", "ductile.rejections", "ductile.circuit.calls"} {
		assert.InDelta(t, names, counted(snap, name), 0, name)
		assert.LessOrEqual(t, len(all(snap, name)), observe.DefaultMaxSeries+1, name)
	}
	assert.Less(t, observe.Entries(s), 5*observe.DefaultMaxSeries)
}

func TestStringsOfEventsAreNotKept(t *testing.T) {
	s := observe.New(observe.Config{MaxKeys: 1})
	request := []byte("GET /tenant/7")
	key := string(request[5:])
	observed(s, policy.Event{Kind: policy.Finished, Pipeline: "p", Key: key})
	assert.NotEmpty(t, series(t, s, "ductile.call.duration", labels{
		"pipeline.name": "p", "outcome": "success", "rescue": "none", "key": "tenant/7",
	}))
	assert.False(t, observe.Keeps(s, key), "a part of a request would keep all of it in memory")
}

func TestEveryInvalidLimitIsNamed(t *testing.T) {
	err := observe.Config{MaxSeries: -1, MaxOperations: -2, MaxErrorTypes: -3, MaxKeys: -4}.Validate()
	assert.EqualError(t, err, `observe: Config.MaxSeries is -1, want 0 for the default, 2000, or more
observe: Config.MaxOperations is -2, want 0 for the default, 64, or more
observe: Config.MaxErrorTypes is -3, want 0 for the default, 16, or more
observe: Config.MaxKeys is -4, want 0 for no label, or more`)
	assert.PanicsWithError(t, "observe: Config.MaxKeys is -4, want 0 for no label, or more", func() { observe.New(observe.Config{MaxKeys: -4}) })
}

func FuzzConfig(f *testing.F) {
	f.Add(0, 0, 0, 0, "p", "k")
	f.Add(1, 1, 1, 1, "", "_OTHER")
	f.Add(-1, 5, 7, 9, "a", "")
	f.Fuzz(func(t *testing.T, maxSeries, operations, errorTypes, keys int, name, key string) {
		cfg := observe.Config{MaxSeries: maxSeries % 100, MaxOperations: operations % 100, MaxErrorTypes: errorTypes % 100, MaxKeys: keys % 100}
		if err := cfg.Validate(); err != nil {
			require.PanicsWithError(t, err.Error(), func() { observe.New(cfg) })
			return
		}
		s := observe.New(cfg)
		for i := range 5 {
			n := fmt.Sprint(i)
			ctx := observe.WithOperation(context.Background(), key+n)
			s.Observe(ctx, policy.Event{Kind: policy.Started, Pipeline: name + n, Key: key + n})
			s.Observe(ctx, policy.Event{Kind: policy.Finished, Pipeline: name + n, Key: key + n, Err: typed("e" + key + n)})
			s.Observe(ctx, policy.Event{Kind: policy.Judged, Pipeline: name + n, Policy: "breaker", Name: name + n, Key: key})
		}
		snap := s.Snapshot()
		for _, name := range []string{"ductile.call.duration", "ductile.call.attempts", "ductile.circuit.calls"} {
			require.InDelta(t, 5, counted(snap, name), 0)
		}
		require.Zero(t, counted(snap, "ductile.call.active"))
	})
}
