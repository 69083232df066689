package promtest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/bulkhead"
	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
	"github.com/ductile-go/ductile/throttle"
)

var errDown = errors.New("down")

// interval is the time from one scrape to the next, and from one evaluation of the rules to
// the next.
const interval = 15 * time.Second

// shop is a program with pipelines that Prometheus scrapes, in a bubble of testing/synctest.
type shop struct {
	t      *testing.T
	stats  *observe.Stats
	charge *pipeline.Pipeline[int] // with a retry, a circuit and a gate
	gate   *bulkhead.Gate
	http   http.Handler
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, stats: observe.New(observe.Config{})}
	circuit := breaker.NewCircuit(breaker.Config{
		Name: "stripe", Window: 10 * time.Second, FailureRate: 0.6, SlowCall: 450 * time.Millisecond, SlowRate: 1,
		RecoveryTimeout: 10 * time.Second,
	})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "outbound", MinPerSecond: 2})
	s.gate = bulkhead.NewGate(bulkhead.Config{Name: "pool", Limit: 1, MaxQueue: 100})
	s.stats.Watch(circuit, budget, s.gate, throttle.NewThrottle(throttle.Config{Name: "quotes"}))
	s.charge = pipeline.New(
		retry.New[int](retry.Config{Budget: budget, BaseDelay: 10 * time.Millisecond}),
		breaker.New[int](circuit),
		bulkhead.New[int](s.gate),
	).WithName("charge").WithObserver(s.stats.Observe)
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(ductileprom.NewCollector(s.stats))
	s.http = promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true})
	return s
}

// call makes a call that takes a time, fails with errs one attempt after another, and then
// succeeds.
func (s *shop) call(took time.Duration, errs ...error) error {
	_, err := s.charge.Do(context.Background(), func(context.Context) (int, error) {
		time.Sleep(took)
		if len(errs) > 0 {
			err := errs[0]
			errs = errs[1:]
			return 0, err
		}
		return 42, nil
	})
	return err
}

// during runs step each second for d, and scrapes into db each interval.
func (s *shop) during(db *database, d time.Duration, step func(n int)) {
	s.t.Helper()
	begin := time.Now()
	for n := 0; time.Since(begin) < d; n++ {
		if time.Duration(n)*time.Second%interval == 0 {
			s.scrape(db)
		}
		step(n)
		time.Sleep(time.Until(begin.Add(time.Duration(n+1) * time.Second)))
	}
}

// scrape makes db scrape the shop.
func (s *shop) scrape(db *database) {
	s.t.Helper()
	request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept", db.format)
	page := httptest.NewRecorder()
	s.http.ServeHTTP(page, request)
	require.Equal(s.t, http.StatusOK, page.Code, page.Body)
	db.add(parsed(s.t, page.Body.Bytes(), page.Header().Get("Content-Type")), time.Now())
}
