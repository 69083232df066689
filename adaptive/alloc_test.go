package adaptive_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/adaptive"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestCallsAllocateNothing(t *testing.T) {
	ctx := context.Background()
	fail := func(context.Context) (int, error) { return 0, errDown }
	for name, cfg := range map[string]adaptive.Config{
		"climb": {}, "aimd": {Target: time.Hour}, "a queue": {MaxQueue: 10}, "cells": {Initial: 500},
	} {
		cfg.Window = time.Hour // closing a window allocates the next one
		l := adaptive.NewLimiter(cfg)
		a := adaptive.New[int](l)
		piped := pipeline.New[int](a)
		watched := piped.WithObserver(func(context.Context, policy.Event) {}, policy.LimitChanged)
		for what, call := range map[string]func(){
			"by hand":  func() { p, _ := l.Acquire(ctx); p.Record(policy.Success) },
			"Do":       func() { _, _ = adaptive.Do(ctx, l, one) },
			"policy":   func() { _, _ = a.Do(ctx, one) },
			"pipeline": func() { _, _ = piped.Do(ctx, one) },
			"observed": func() { _, _ = watched.Do(ctx, one) },
			"failure":  func() { _, _ = piped.Do(ctx, fail) },
			"snapshot": func() { _ = l.Snapshot(); _ = l.Limit(); _ = l.Idle() },
		} {
			assert.Zero(t, testing.AllocsPerRun(100, call), "%s, %s", name, what)
		}
	}
}

func TestRefusalsAllocateNothing(t *testing.T) {
	ctx := context.Background()
	l, permit := taken(t, adaptive.Config{})
	piped := pipeline.New[int](adaptive.New[int](l))
	watched := piped.WithObserver(func(context.Context, policy.Event) {}, policy.Rejected)
	for what, call := range map[string]func(){
		"by hand":  func() { _, _ = l.Acquire(ctx) },
		"pipeline": func() { _, _ = piped.Do(ctx, one) },
		"observed": func() { _, _ = watched.Do(ctx, one) },
	} {
		assert.Zero(t, testing.AllocsPerRun(100, call), what)
	}
	permit.Record(policy.Ignored)
}

func TestAWindowThatLeavesTheLimitAllocatesOnce(t *testing.T) {
	l := adaptive.NewLimiter(adaptive.Config{Target: time.Hour, MinCalls: 1, Window: 1})
	ctx := context.Background()
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		p, _ := l.Acquire(ctx)
		p.Record(policy.Success)
	}), 1.0)
}

func TestALimiterIsSmall(t *testing.T) {
	assert.LessOrEqual(t, unsafe.Sizeof(adaptive.Limiter{}), uintptr(896))
}
