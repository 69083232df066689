package ductileprom_test

import (
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/observe"
)

// A histogram whose count is not that of its buckets makes Prometheus refuse the scrape.
func TestHistogramsAreConsistentWhileCallsEnd(t *testing.T) {
	s := observe.New(observe.Config{})
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(ductileprom.NewCollector(s))
	const callers, calls = 4, 5000
	var ended sync.WaitGroup
	for i := range callers {
		ended.Go(func() {
			for n := range calls {
				observed(s, finished("p", time.Duration(i*n)*time.Microsecond))
			}
		})
	}
	done := make(chan struct{})
	go func() { ended.Wait(); close(done) }()
	var scrapes sync.WaitGroup
	for range 2 {
		scrapes.Go(func() {
			for last := false; ; {
				families, err := r.Gather()
				if !assert.NoError(t, err) {
					return
				}
				for _, f := range families {
					if f.GetName() == "ductile_call_duration_seconds" {
						consistent(t, f.GetMetric()[0].GetHistogram(), last, callers*calls)
					}
				}
				if last {
					return
				}
				select {
				case <-done:
					last = true
				default:
				}
			}
		})
	}
	scrapes.Wait()
}

func consistent(t *testing.T, h *dto.Histogram, last bool, want uint64) {
	t.Helper()
	total, bucket := h.GetZeroCount(), int64(0)
	for _, d := range h.GetPositiveDelta() {
		bucket += d
		total += uint64(bucket)
	}
	assert.Equal(t, h.GetSampleCount(), total)
	below := uint64(0)
	for _, b := range h.GetBucket() {
		assert.GreaterOrEqual(t, b.GetCumulativeCount(), below)
		below = b.GetCumulativeCount()
	}
	assert.LessOrEqual(t, below, h.GetSampleCount())
	if last {
		require.Equal(t, want, h.GetSampleCount())
	}
}
