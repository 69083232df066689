package promtest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileprom"
	"github.com/ductile-go/ductile/observe"
)

// The formats that Prometheus asks for, as in its Accept headers.
const (
	text        = "text/plain;version=0.0.4"
	openMetrics = "application/openmetrics-text;version=1.0.0"
	protobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// sample is what a scrape has of one series.
type sample struct {
	labels labels.Labels // with the name
	value  float64
	native *histogram.Histogram // instead of a value
	start  int64                // the start timestamp, or 0
}

// server serves the metrics of s over HTTP.
func server(t *testing.T, s *observe.Stats, opts ...ductileprom.Option) *httptest.Server {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(ductileprom.NewCollector(s, opts...))
	srv := httptest.NewServer(promhttp.HandlerFor(r, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: r}))
	t.Cleanup(srv.Close)
	return srv
}

// scraped returns what Prometheus' parser reads from a scrape in a format. As Prometheus
// does when it stores a sample, it drops labels that are empty.
func scraped(t *testing.T, srv *httptest.Server, format string) []sample {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Accept", format)
	response, err := srv.Client().Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode, string(body))
	return parsed(t, body, response.Header.Get("Content-Type"))
}

func parsed(t *testing.T, body []byte, contentType string) (all []sample) {
	t.Helper()
	p, err := textparse.New(body, contentType, nil, textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	require.NoError(t, err)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		var one sample
		switch entry {
		case textparse.EntrySeries:
			_, _, one.value = p.Series()
		case textparse.EntryHistogram:
			_, _, h, _ := p.Histogram()
			one.native = h.Copy()
			require.NoError(t, h.Validate())
		default:
			continue
		}
		p.Labels(&one.labels)
		one.labels = one.labels.WithoutEmpty()
		one.start = p.StartTimestamp()
		all = append(all, one)
	}
}

// get returns the sample of a name and exactly the given labels.
func get(t *testing.T, all []sample, name string, pairs ...string) sample {
	t.Helper()
	want := labels.FromStrings(append(pairs, "__name__", name)...)
	for _, one := range all {
		if labels.Equal(one.labels, want) {
			return one
		}
	}
	require.Fail(t, "no sample", "%v is not in %v", want, all)
	return sample{}
}

func TestPrometheusReadsAScrapeInEachFormat(t *testing.T) {
	var s *shop
	synctest.Test(t, func(t *testing.T) {
		s = newShop(t)
		require.NoError(t, s.call(time.Second, nil))
		require.NoError(t, s.call(30*time.Millisecond, nil))
	})
	srv := server(t, s.stats)
	for _, format := range []string{text, openMetrics, protobuf} {
		all := scraped(t, srv, format)
		call := []string{"pipeline", "charge", "outcome", "success", "rescue", "none"}
		assert.InDelta(t, 2, get(t, all, "ductile_call_duration_seconds_count", call...).value, 0, format)
		assert.InDelta(t, 1.03, get(t, all, "ductile_call_duration_seconds_sum", call...).value, 1e-9, format)
		le := func(bound string) []string { return append([]string{"le", bound}, call...) }
		assert.InDelta(t, 0, get(t, all, "ductile_call_duration_seconds_bucket", le("0.025")...).value, 0, format)
		assert.InDelta(t, 1, get(t, all, "ductile_call_duration_seconds_bucket", le("0.05")...).value, 0, format)
		assert.InDelta(t, 2, get(t, all, "ductile_call_duration_seconds_bucket", le("+Inf")...).value, 0, format)
		assert.InDelta(t, 1, get(t, all, "ductile_circuit_state", "circuit", "stripe", "state", "closed").value, 0, format)
		assert.InDelta(t, 1, get(t, all, "ductile_circuit_calls_total", "circuit", "stripe", "outcome", "success", "slow", "true").value, 0, format)
		assert.InDelta(t, 2, get(t, all, "ductile_call_attempts_bucket", "pipeline", "charge", "le", "1.0").value, 0, format)
		if format == protobuf {
			h := get(t, all, "ductile_call_duration_seconds", call...).native
			require.NotNil(t, h)
			assert.EqualValues(t, observe.Schema, h.Schema)
			assert.EqualValues(t, 2, h.Count)
			assert.InDelta(t, 1.03, h.Sum, 1e-9)
			assert.Equal(t, []int64{1, 0}, h.PositiveBuckets, "deltas: one in each of two")
		}
	}
}
