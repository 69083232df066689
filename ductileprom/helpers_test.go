package ductileprom_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/policy"
)

var errDown = errors.New("down")

type labels = map[string]string

// observed passes events to s, as a pipeline does.
func observed(s *observe.Stats, events ...policy.Event) {
	for _, e := range events {
		s.Observe(context.Background(), e)
	}
}

// finished is the event of a successful call.
func finished(pipeline string, took time.Duration) policy.Event {
	return policy.Event{Kind: policy.Finished, Pipeline: pipeline, Attempt: 1, Elapsed: took}
}

// gathered returns the families of a collector by name, gathered by a registry that checks
// everything.
func gathered(t *testing.T, s *observe.Stats, opts ...ductileprom.Option) map[string]*dto.MetricFamily {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	require.NoError(t, r.Register(ductileprom.NewCollector(s, opts...)))
	families, err := r.Gather()
	require.NoError(t, err)
	all := map[string]*dto.MetricFamily{}
	for _, f := range families {
		all[f.GetName()] = f
	}
	return all
}

// labelsOf returns the labels of m that are not "".
func labelsOf(m *dto.Metric) labels {
	all := labels{}
	for _, pair := range m.GetLabel() {
		if pair.GetValue() != "" {
			all[pair.GetName()] = pair.GetValue()
		}
	}
	return all
}

// find returns the series of a family with exactly these labels.
func find(t *testing.T, families map[string]*dto.MetricFamily, name string, want labels) *dto.Metric {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		if maps.Equal(labelsOf(m), want) {
			return m
		}
	}
	require.Fail(t, "no series", "%s%v is not in %v", name, want, families[name])
	return nil
}
