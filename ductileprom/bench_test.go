package ductileprom_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
)

// many returns a Stats with 2,000 series: durations, attempts and rejections of pipelines.
func many() *observe.Stats {
	s := observe.New(observe.Config{})
	for i := range 500 {
		name := fmt.Sprint("pipeline-", i)
		p := pipeline.New[int]().WithName(name).WithObserver(s.Observe)
		for n := range 10 {
			observed(s, finished(name, time.Duration(n*n)*time.Millisecond))
		}
		_, _ = p.Do(context.Background(), func(context.Context) (int, error) { return 0, errDown })
	}
	return s
}

func BenchmarkScrape(b *testing.B) {
	s := many()
	if n := len(s.Snapshot().Series); n != 2001 {
		b.Fatal(n, "series")
	}
	b.Run("Snapshot", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Snapshot()
		}
	})
	for _, of := range []struct {
		name string
		opts []ductileprom.Option
	}{
		{"Both", nil},
		{"Classic", []ductileprom.Option{ductileprom.WithoutNativeBuckets()}},
		{"Native", []ductileprom.Option{ductileprom.WithoutClassicBuckets()}},
	} {
		r := prometheus.NewRegistry()
		r.MustRegister(ductileprom.NewCollector(s, of.opts...))
		b.Run("Gather/"+of.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Gather(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("HTTP/"+of.name, func(b *testing.B) { scrape(b, r) })
	}
}

func scrape(b *testing.B, r *prometheus.Registry) {
	handler := promhttp.HandlerFor(r, promhttp.HandlerOpts{DisableCompression: true})
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		page := httptest.NewRecorder()
		handler.ServeHTTP(page, request)
		size = page.Body.Len()
	}
	b.ReportMetric(float64(size), "B/scrape")
}

// A collector that is registered costs a call nothing: compare with Plain.
func BenchmarkObserve(b *testing.B) {
	for _, name := range []string{"Plain", "Collected"} {
		b.Run(name, func(b *testing.B) {
			s := observe.New(observe.Config{})
			if name == "Collected" {
				r := prometheus.NewRegistry()
				r.MustRegister(ductileprom.NewCollector(s))
				if _, err := r.Gather(); err != nil {
					b.Fatal(err)
				}
			}
			e := finished("p", time.Millisecond)
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(context.Background(), e)
			}
		})
	}
}
