package ductileotel_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func standard(observers ...policy.Observer) *pipeline.Pipeline[int] {
	p := pipeline.Standard[int](pipeline.StandardConfig{Name: "charge", Circuit: breaker.NewCircuit(breaker.Config{Name: "stripe"})})
	for _, o := range observers {
		p = p.WithObserver(o)
	}
	return p
}

func run(b *testing.B, p *pipeline.Pipeline[int]) {
	ctx := context.Background()
	fn := func(context.Context) (int, error) { return 1, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Do(ctx, fn); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkObservedCall measures a call through a pipeline of four.
func BenchmarkObservedCall(b *testing.B) {
	b.Run("unobserved", func(b *testing.B) { run(b, standard()) })
	b.Run("noop", func(b *testing.B) { run(b, standard(func(context.Context, policy.Event) {})) })
	b.Run("otel", func(b *testing.B) { run(b, standard(metered(b).observe)) })
	b.Run("otel with attributes", func(b *testing.B) {
		run(b, standard(metered(b, ductileotel.WithAttributes(func(context.Context, policy.Event) []attribute.KeyValue {
			return []attribute.KeyValue{attribute.String("region", "eu")}
		})).observe))
	})
	b.Run("naive", func(b *testing.B) { run(b, standard(naive(b))) })
}

// naive records two of the six measurements of a call, and builds each set for each of
// them, as adapters usually do.
func naive(b *testing.B) policy.Observer {
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())).Meter("naive")
	attempts, err := meter.Float64Histogram("attempts", metric.WithUnit("s"))
	require.NoError(b, err)
	calls, err := meter.Float64Histogram("calls", metric.WithUnit("s"))
	require.NoError(b, err)
	return func(ctx context.Context, e policy.Event) {
		pipeline := attribute.String("ductile.pipeline.name", e.Pipeline)
		switch e.Kind {
		case policy.Attempted:
			attempts.Record(ctx, e.Took.Seconds(), metric.WithAttributes(pipeline, attribute.String("ductile.policy.name", e.Policy)))
		case policy.Finished:
			calls.Record(ctx, e.Elapsed.Seconds(), metric.WithAttributes(pipeline, attribute.String("ductile.outcome", "success")))
		}
	}
}

// BenchmarkTracedCall measures a call through a pipeline of four with one attempt.
func BenchmarkTracedCall(b *testing.B) {
	b.Run("untraced", func(b *testing.B) { run(b, standard()) })
	b.Run("unsampled", func(b *testing.B) {
		run(b, ductileotel.Trace(standard(), ductileotel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())))))
	})
	b.Run("sampled", func(b *testing.B) {
		run(b, ductileotel.Trace(standard(), ductileotel.WithTracerProvider(sdktrace.NewTracerProvider())))
	})
}
