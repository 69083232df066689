package promtest_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const rulesFile = "../../docs/dashboards/alerts.yml"

var promQL = parser.NewParser(parser.Options{})

// rules returns the rules of the file by name, after Prometheus' own checks.
func rules(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	require.NoError(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, promQL, slog.Default())
	require.Empty(t, errs)
	all := map[string]rulefmt.Rule{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			all[r.Alert] = r
		}
	}
	return all
}

var engine = sync.OnceValue(func() *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Hour, Parser: promQL})
})

// query evaluates an expression at a time.
func query(t *testing.T, db *database, expr string, at time.Time) promql.Vector {
	t.Helper()
	q, err := engine().NewInstantQuery(context.Background(), db, nil, expr, at)
	require.NoError(t, err)
	defer q.Close()
	result := q.Exec(context.Background())
	require.NoError(t, result.Err, expr)
	if s, ok := result.Value.(promql.Scalar); ok {
		return promql.Vector{{T: s.T, F: s.V}}
	}
	vector, err := result.Vector()
	require.NoError(t, err)
	return append(promql.Vector(nil), vector...)
}

// firing returns when a rule fires from begin on, evaluated each interval until end, with
// its labels: an alert fires once its expression was true for Rule.For without a gap.
func firing(t *testing.T, db *database, r rulefmt.Rule, begin, end time.Time) (fired []time.Duration, with labels.Labels) {
	t.Helper()
	pending := map[string]time.Time{}
	for at := begin; !at.After(end); at = at.Add(interval) {
		now := map[string]time.Time{}
		for _, one := range query(t, db, r.Expr, at) {
			key := one.Metric.String()
			now[key] = at
			if since, ok := pending[key]; ok {
				now[key] = since
			}
			if at.Sub(now[key]) >= time.Duration(r.For) {
				fired, with = append(fired, at.Sub(begin)), one.Metric
			}
		}
		pending = now
	}
	return fired, with
}

// story plays a story to each database of its own and returns when the rule fires.
func story(t *testing.T, rule string, tell func(s *shop, db *database), check func(t *testing.T, fired []time.Duration, with labels.Labels)) {
	t.Helper()
	r, ok := rules(t)[rule]
	require.True(t, ok, rule)
	for name, db := range databases() {
		t.Run(name, func(t *testing.T) {
			var begin, end time.Time
			synctest.Test(t, func(t *testing.T) {
				begin = time.Now()
				s := newShop(t)
				tell(s, db)
				s.scrape(db)
				end = time.Now()
			})
			fired, with := firing(t, db, r, begin, end)
			check(t, fired, with)
		})
	}
}

func silent(t *testing.T, fired []time.Duration, with labels.Labels) {
	t.Helper()
	assert.Empty(t, fired, "it fires for %v", with)
}

// fires returns a check that a rule fires first within a range of time, and has the labels.
func fires(from, to time.Duration, pairs ...string) func(*testing.T, []time.Duration, labels.Labels) {
	return func(t *testing.T, fired []time.Duration, with labels.Labels) {
		t.Helper()
		require.NotEmpty(t, fired, "it does not fire")
		assert.GreaterOrEqual(t, fired[0], from)
		assert.LessOrEqual(t, fired[0], to)
		assert.Equal(t, labels.FromStrings(append(pairs, "job", "shop")...).String(), with.String())
	}
}

func TestTheRulesAreFour(t *testing.T) {
	all := rules(t)
	assert.Len(t, all, 4)
	for name, r := range all {
		assert.NotEmpty(t, r.Annotations["summary"], name)
		assert.NotEmpty(t, r.Labels["severity"], name)
		assert.Zero(t, r.KeepFiringFor, "firing does not know it")
	}
}

// down is a call of an outage. calls are a few of the second.
func (s *shop) down(int) {
	for range 5 {
		_ = s.call(time.Millisecond, errDown, errDown, errDown)
	}
}

func (s *shop) up(int) {
	for range 5 {
		_ = s.call(time.Millisecond)
	}
}

func TestTheCircuitAlertFiresAfterAMinuteOfOutage(t *testing.T) {
	story(t, "DuctileCircuitOpen", func(s *shop, db *database) {
		s.during(db, time.Minute, s.up)
		s.during(db, 5*time.Minute, s.down)
	}, fires(2*time.Minute, 2*time.Minute+2*interval, "circuit", "stripe"))
}

func TestTheCircuitAlertDoesNotFireForAShortOutage(t *testing.T) {
	story(t, "DuctileCircuitOpen", func(s *shop, db *database) {
		s.during(db, time.Minute, s.up)
		s.during(db, 40*time.Second, s.down)
		s.during(db, 5*time.Minute, s.up)
	}, silent)
}

func TestTheCircuitAlertEndsWhenTheCircuitIsNotCalledAnyMore(t *testing.T) {
	story(t, "DuctileCircuitOpen", func(s *shop, db *database) {
		s.during(db, 2*time.Minute, s.down)
		s.during(db, 9*time.Minute, func(int) {})
	}, func(t *testing.T, fired []time.Duration, _ labels.Labels) {
		t.Helper()
		require.NotEmpty(t, fired)
		assert.LessOrEqual(t, fired[len(fired)-1], 8*time.Minute)
	})
}

func TestTheAmplificationAlertFiresWhenEachCallTakesTwoAttempts(t *testing.T) {
	story(t, "DuctileAmplificationHigh", func(s *shop, db *database) {
		s.during(db, time.Minute, s.up)
		s.during(db, 8*time.Minute, func(int) { _ = s.call(time.Millisecond, errDown) })
	}, fires(3*time.Minute, 7*time.Minute, "pipeline", "charge"))
}

func TestTheAmplificationAlertDoesNotFireForAFewRetries(t *testing.T) {
	story(t, "DuctileAmplificationHigh", func(s *shop, db *database) {
		s.during(db, 6*time.Minute, func(n int) {
			if n%3 == 0 {
				_ = s.call(time.Millisecond, errDown)
				return
			}
			_ = s.call(time.Millisecond)
		})
	}, silent)
}

func TestTheBudgetAlertFiresWhenRetriesAreRefused(t *testing.T) {
	story(t, "DuctileRetryBudgetSpent", func(s *shop, db *database) {
		s.during(db, time.Minute, s.up)
		s.during(db, 5*time.Minute, func(n int) {
			s.up(n)
			for range 5 { // more than 0.1 for each of 10 calls, and 2
				_ = s.call(time.Millisecond, errDown)
			}
		})
	}, fires(2*time.Minute, 2*time.Minute+2*interval, "policy", "outbound"))
}

func TestTheBudgetAlertDoesNotFireForAFewRetries(t *testing.T) {
	story(t, "DuctileRetryBudgetSpent", func(s *shop, db *database) {
		s.during(db, 5*time.Minute, func(n int) {
			s.up(n)
			_ = s.call(time.Millisecond, errDown)
		})
	}, silent)
}

func TestTheQueueAlertFiresWhenCallsWaitForASecond(t *testing.T) {
	story(t, "DuctileQueueWaitHigh", func(s *shop, db *database) {
		s.during(db, time.Minute, s.up)
		s.during(db, 5*time.Minute, func(int) { s.together(3, 400*time.Millisecond) })
	}, fires(3*time.Minute, 4*time.Minute, "policy", "pool", "policy_type", "bulkhead"))
}

func TestTheQueueAlertDoesNotFireForShortWaits(t *testing.T) {
	story(t, "DuctileQueueWaitHigh", func(s *shop, db *database) {
		s.during(db, 5*time.Minute, func(int) { s.together(3, 50*time.Millisecond) })
	}, silent)
}

// together makes calls at the same time.
func (s *shop) together(calls int, took time.Duration) {
	var all sync.WaitGroup
	for range calls {
		all.Go(func() { _ = s.call(took) })
	}
	all.Wait()
}
