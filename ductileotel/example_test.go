package ductileotel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/ductilehttp"
	"github.com/ductile-go/ductile/ductileotel"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

func ExampleNewObserver() {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	circuit := breaker.NewCircuit(breaker.Config{Name: "stripe"})

	observer, err := ductileotel.NewObserver(
		ductileotel.WithMeterProvider(provider), // without it, the global one
		ductileotel.WithCircuits(circuit),
	)
	if err != nil {
		panic(err)
	}
	p := pipeline.New(
		retry.New[int](retry.Config{Clock: fake.NewClock(fake.AutoAdvance())}),
		breaker.New[int](circuit),
	).WithName("charge").WithObserver(observer)

	_, _ = p.Do(context.Background(), fake.NewFunc[int]().Fail(errors.New("down")).Return(42).Do)

	var all metricdata.ResourceMetrics
	_ = reader.Collect(context.Background(), &all)
	for _, one := range all.ScopeMetrics[0].Metrics {
		if one.Name == "ductile.call.duration" {
			for _, kv := range one.Data.(metricdata.Histogram[float64]).DataPoints[0].Attributes.ToSlice() {
				fmt.Println(kv.Key, kv.Value.String())
			}
		}
	}
	// Output:
	// ductile.outcome success
	// ductile.pipeline.name charge
	// ductile.rescue retry
}

func ExampleTrace() {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))

	p := pipeline.New(
		retry.New[int](retry.Config{Clock: fake.NewClock(fake.AutoAdvance())}),
		breaker.New[int](breaker.NewCircuit(breaker.Config{Name: "stripe"})),
	).WithName("charge")
	p = ductileotel.Trace(p, ductileotel.WithTracerProvider(provider))

	_, _ = p.Do(context.Background(), fake.NewFunc[int]().Fail(errors.New("down")).Return(42).Do)

	for _, span := range recorder.Started() {
		fmt.Println(span.Name(), span.Status().Code, len(span.Links()), "links")
	}
	// Output:
	// charge Unset 0 links
	// attempt Error 0 links
	// attempt Unset 1 links
}

func ExampleResendCount() {
	client := &http.Client{Transport: ductilehttp.NewTransport(ductilehttp.Config{
		Base: otelhttp.NewTransport(ductileotel.ResendCount(http.DefaultTransport)),
	})}
	fmt.Printf("%T\n", client.Transport)
	// Output: *ductilehttp.Transport
}

func ExampleWithAttributes() {
	regionOf := func(context.Context) string { return "eu" }
	_, err := ductileotel.NewObserver(
		ductileotel.WithAttributes(func(ctx context.Context, _ policy.Event) []attribute.KeyValue {
			return []attribute.KeyValue{attribute.String("region", regionOf(ctx))}
		}),
	)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleWithSources() {
	hosts := keyed.New(keyed.Config[string, *breaker.Circuit]{
		Make: func(host string) *breaker.Circuit { return breaker.NewCircuit(breaker.Config{Name: host}) },
	})
	budget := retry.NewBudget(retry.BudgetConfig{Name: "outbound"})
	_, err := ductileotel.NewObserver(ductileotel.WithSources(hosts, budget))
	fmt.Println(err)
	// Output: <nil>
}
