package observe_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

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

// series returns the series of an instrument with exactly these labels.
func series(t *testing.T, s *observe.Stats, name string, want labels) observe.Series {
	t.Helper()
	one, ok := lookup(s.Snapshot(), name, want)
	require.True(t, ok, "%s%v is not in %v", name, want, s)
	return one
}

func lookup(snap observe.Snapshot, name string, want labels) (observe.Series, bool) {
	for _, one := range snap.Series {
		if one.Name == name && maps.Equal(one.Labels, want) {
			return one, true
		}
	}
	return observe.Series{}, false
}

// all returns the series of an instrument.
func all(snap observe.Snapshot, name string) (of []observe.Series) {
	for _, one := range snap.Series {
		if one.Name == name {
			of = append(of, one)
		}
	}
	return of
}

var overflow = labels{observe.LabelOverflow: "true"}
