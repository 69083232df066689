package otlptest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/internal/leak"
	"github.com/ductile-go/ductile/observe"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/retry"
)

func TestMain(m *testing.M) { leak.Main(m) }

// receiver is a collector that keeps what it gets.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	metrics map[string]*metrics.Metric
	spans   []*spans.Span
	scopes  map[string]bool // names and versions
}

func receive(t *testing.T) *receiver {
	r := &receiver{metrics: map[string]*metrics.Metric{}, scopes: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, req *http.Request) {
		var in colmetrics.ExportMetricsServiceRequest
		if parse(t, req, &in) {
			r.keepMetrics(&in)
			answer(w, &colmetrics.ExportMetricsServiceResponse{})
		}
	})
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, req *http.Request) {
		var in coltrace.ExportTraceServiceRequest
		if parse(t, req, &in) {
			r.keepSpans(&in)
			answer(w, &coltrace.ExportTraceServiceResponse{})
		}
	})
	r.Server = httptest.NewServer(mux)
	t.Cleanup(r.Close)
	return r
}

func parse(t *testing.T, r *http.Request, into proto.Message) bool {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if !assert.NoError(t, err) {
			return false
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	return assert.NoError(t, err) && assert.NoError(t, proto.Unmarshal(data, into))
}

func answer(w http.ResponseWriter, m proto.Message) {
	data, _ := proto.Marshal(m)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = io.Copy(w, bytes.NewReader(data))
}

func (r *receiver) keepMetrics(in *colmetrics.ExportMetricsServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range in.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			r.scopes[scope.Scope.Name+"@"+scope.Scope.Version] = true
			for _, one := range scope.Metrics {
				r.metrics[one.Name] = one
			}
		}
	}
}

func (r *receiver) keepSpans(in *coltrace.ExportTraceServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range in.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			r.scopes[scope.Scope.Name+"@"+scope.Scope.Version] = true
			r.spans = append(r.spans, scope.Spans...)
		}
	}
}

// providers export to the receiver when they are shut down.
func (r *receiver) providers(t *testing.T) (*sdkmetric.MeterProvider, *sdktrace.TracerProvider) {
	toMetrics, err := otlpmetrichttp.New(t.Context(), otlpmetrichttp.WithEndpointURL(r.URL+"/v1/metrics"), otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
	require.NoError(t, err)
	toTraces, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(r.URL+"/v1/traces"))
	require.NoError(t, err)
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(toMetrics, sdkmetric.WithInterval(time.Hour)))),
		sdktrace.NewTracerProvider(sdktrace.WithBatcher(toTraces, sdktrace.WithBatchTimeout(time.Hour)))
}

// outage makes a call that is rescued by its second attempt, and one that fails.
func outage(t *testing.T, meters *sdkmetric.MeterProvider, tracers *sdktrace.TracerProvider) {
	clock := fake.NewClock(fake.AutoAdvance())
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe", FailureThreshold: 4, Clock: clock})
	observer, err := ductileotel.NewObserver(ductileotel.WithMeterProvider(meters), ductileotel.WithCircuits(circuit))
	require.NoError(t, err)
	p := ductileotel.Trace(pipeline.New(
		retry.New[int](retry.Config{Clock: clock, BaseDelay: 2 * time.Second, JitterFactor: retry.NoJitter, Multiplier: 1}),
		breaker.New[int](circuit),
	).WithName("charge").WithObserver(observer), ductileotel.WithTracerProvider(tracers))
	down := errors.New("down")
	fn := fake.NewFunc[int]().Fail(down).Return(1).Fail(down)
	_, err = p.Do(t.Context(), fn.Do)
	require.NoError(t, err)
	_, err = p.Do(t.Context(), fn.Do)
	require.ErrorIs(t, err, retry.ErrExhausted)
	circuit.Isolate("broken")
}

func exported(t *testing.T) *receiver {
	r := receive(t)
	meters, tracers := r.providers(t)
	outage(t, meters, tracers)
	require.NoError(t, meters.Shutdown(context.WithoutCancel(t.Context())))
	require.NoError(t, tracers.Shutdown(context.WithoutCancel(t.Context())))
	assert.Equal(t, map[string]bool{ductileotel.ScopeName + "@" + ductileotel.Version: true}, r.scopes)
	return r
}

func TestMetricsReachACollector(t *testing.T) {
	r := exported(t)
	for _, i := range observe.Instruments() {
		if one := r.metrics[i.Name]; one != nil {
			assert.Equal(t, i.Unit, one.Unit, i.Name)
			assert.Equal(t, i.Help, one.Description, i.Name)
		}
	}
	outcomes := map[string]float64{}
	for _, p := range r.metrics["ductile.call.duration"].GetHistogram().DataPoints {
		assert.Equal(t, "charge", attributesOf(p.Attributes)["ductile.pipeline.name"])
		outcomes[attributesOf(p.Attributes)["ductile.outcome"]] = p.GetSum()
		assert.Len(t, p.ExplicitBounds, 14)
	}
	assert.Equal(t, map[string]float64{"success": 2, "failure": 4}, outcomes)
	attempts := r.metrics["ductile.call.attempts"].GetHistogram().DataPoints[0]
	assert.Equal(t, []float64{1, 2, 3, 5, 10}, attempts.ExplicitBounds)
	assert.Equal(t, []uint64{0, 1, 1, 0, 0, 0}, attempts.BucketCounts)
	moves := r.metrics["ductile.circuit.transitions"].GetSum()
	assert.True(t, moves.IsMonotonic)
	assert.Equal(t, map[string]string{"ductile.circuit.name": "stripe", "ductile.from": "closed", "ductile.to": "isolated"},
		attributesOf(moves.DataPoints[0].Attributes))
	for _, p := range r.metrics["ductile.circuit.state"].GetSum().DataPoints {
		want := int64(0)
		if attributesOf(p.Attributes)["ductile.circuit.state"] == "isolated" {
			want = 1
		}
		assert.Equal(t, want, p.GetAsInt(), p.Attributes)
	}
	assert.Zero(t, r.metrics["ductile.call.active"].GetSum().DataPoints[0].GetAsInt())
}

func TestSpansReachACollector(t *testing.T) {
	r := exported(t)
	require.Len(t, r.spans, 7) // two calls with two and three attempts
	children := map[string][]*spans.Span{}
	for _, s := range r.spans {
		children[string(s.ParentSpanId)] = append(children[string(s.ParentSpanId)], s)
	}
	calls := children[""]
	require.Len(t, calls, 2)
	assert.Equal(t, spans.Status_STATUS_CODE_UNSET, calls[0].GetStatus().GetCode())
	assert.Equal(t, spans.Status_STATUS_CODE_ERROR, calls[1].GetStatus().GetCode())
	for i, call := range calls {
		assert.Equal(t, "charge", call.Name)
		assert.Equal(t, spans.Span_SPAN_KIND_INTERNAL, call.Kind)
		attempts := children[string(call.SpanId)]
		require.Len(t, attempts, i+2)
		require.Len(t, call.Events, i+1)
		for _, e := range call.Events {
			assert.Equal(t, "ductile.retry", e.Name)
			assert.InDelta(t, 2, valueOf(e.Attributes, "ductile.retry.delay").GetDoubleValue(), 1e-9)
			assert.Equal(t, "*errors.errorString", valueOf(e.Attributes, "error.type").GetStringValue())
		}
		for n, attempt := range attempts {
			assert.EqualValues(t, n+1, valueOf(attempt.Attributes, "ductile.attempt.number").GetIntValue())
			if n > 0 {
				require.Len(t, attempt.Links, 1)
				assert.Equal(t, attempts[n-1].SpanId, attempt.Links[0].SpanId)
			}
		}
	}
}

type typedNil struct{}

func (*typedNil) Error() string { panic("typed nil") }

// An exporter of OTLP sends nothing at all if one text is not UTF-8.
func TestTextsThatAreNotUTF8LoseNoExport(t *testing.T) {
	const bad, shown = "caf\xe9", "caf\uFFFD"
	r := receive(t)
	meters, tracers := r.providers(t)
	circuit := breaker.NewCircuit(breaker.Config{Name: bad})
	observer, err := ductileotel.NewObserver(ductileotel.WithMeterProvider(meters), ductileotel.WithCircuits(circuit))
	require.NoError(t, err)
	p := ductileotel.Trace(pipeline.New(
		retry.New[int](retry.Config{Name: bad, BaseDelay: retry.NoDelay, MaxAttempts: 2}), breaker.New[int](circuit),
	).WithName(bad).WithObserver(observer), ductileotel.WithTracerProvider(tracers))
	ctx := observe.WithOperation(t.Context(), bad)
	for _, failure := range []error{errors.New(bad), (*typedNil)(nil)} {
		_, err = p.Do(ctx, func(context.Context) (int, error) { return 0, failure })
		require.Error(t, err)
	}
	require.NoError(t, meters.Shutdown(context.WithoutCancel(t.Context())))
	require.NoError(t, tracers.Shutdown(context.WithoutCancel(t.Context())))
	points := r.metrics["ductile.call.duration"].GetHistogram().GetDataPoints()
	require.NotEmpty(t, points)
	assert.Equal(t, shown, attributesOf(points[0].Attributes)["ductile.pipeline.name"])
	assert.Equal(t, shown, attributesOf(points[0].Attributes)["ductile.operation"])
	require.Len(t, r.spans, 6)
	texts := map[string]bool{}
	for _, s := range r.spans {
		texts[s.GetStatus().GetMessage()] = true
	}
	assert.True(t, texts[shown], texts)
	assert.True(t, texts["*otlptest.typedNil, whose text cannot be shown: Error or Redact panicked"], texts)
}

func attributesOf(from []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, kv := range from {
		all[kv.Key] = kv.Value.GetStringValue()
	}
	return all
}

func valueOf(from []*common.KeyValue, key string) *common.AnyValue {
	for _, kv := range from {
		if kv.Key == key {
			return kv.Value
		}
	}
	return nil
}
