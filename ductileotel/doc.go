// Package ductileotel exports what pipelines do to OpenTelemetry: metrics by
// [NewObserver], spans by [Trace], and the number of a resent request by [ResendCount].
//
//	observer, err := ductileotel.NewObserver(ductileotel.WithCircuits(circuit))
//	if err != nil {
//		return err
//	}
//	p := ductileotel.Trace(pipeline.New(
//		retry.New[*User](retry.Config{}),
//		breaker.New[*User](circuit),
//	).WithName("users").WithObserver(observer))
//
// Without options they use the global providers of package otel. The instruments and their
// attributes are those of [observe.Instruments], each attribute with the prefix "ductile.",
// except error.type.
//
// The metrics are bounded, whatever names a program or its clients invent: an instrument
// has at most 2000 attribute sets; further measurements go to one overflow series, with the
// attribute otel.metric.overflow. A pipeline tells 64 operations and 16 error types apart.
//
// An attribute set is built once for each series, so a measurement allocates nothing and
// takes half of the time of one whose set is built anew.
package ductileotel
