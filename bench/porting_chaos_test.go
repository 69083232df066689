package bench_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/chaos"
	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/pipeline"
	"github.com/ductile-go/ductile/policy"
)

func TestChaosPortedFromElsewhere(t *testing.T) {
	const r, d = 1, time.Second
	fn := func(context.Context) (T, error) { return 1, nil }
	down := func(context.Context) error { return errDown }
	synctest.Test(t, func(t *testing.T) {
		cfg := chaos.Config{Rate: r, Enabled: true}
		_, err := chaos.Fault[T](cfg, down).Do(t.Context(), fn)
		require.ErrorIs(t, err, errDown)
		v, err := chaos.Outcome(cfg, func(context.Context) (T, error) { return 7, nil }).Do(t.Context(), fn)
		require.NoError(t, err)
		assert.Equal(t, 7, v)
		begun := time.Now()
		_, err = chaos.Latency[T](cfg, func(context.Context) time.Duration { return d }).Do(t.Context(), fn)
		require.NoError(t, err)
		assert.Equal(t, d, time.Since(begun))
		ran := false
		_, err = chaos.Behavior[T](cfg, func(context.Context) error { ran = true; return nil }).Do(t.Context(), fn)
		require.NoError(t, err)
		assert.True(t, ran)

		rec := fake.NewRecorder()
		generated := chaos.Config{
			RateFunc: func(context.Context) float64 { return r }, When: func(context.Context) bool { return true }, Rand: fake.Rand(0.5),
		}
		_, err = pipeline.New[T](chaos.Fault[T](generated, down)).WithObserver(rec.Observe, policy.Injected).Do(t.Context(), fn)
		require.ErrorIs(t, err, chaos.ErrInjected)
		assert.Len(t, rec.Events(), 1)
		off := chaos.Fault[T](chaos.Config{Rate: r}, down)
		off.On()
		off.Off()
		_, err = off.Do(t.Context(), fn)
		require.NoError(t, err)
		_, err = chaos.Mix(chaos.Fault[T](chaos.Config{Rate: 0.5, Enabled: true}, down), chaos.Fault[T](chaos.Config{Rate: 0.5, Enabled: true}, down)).Do(t.Context(), fn)
		require.ErrorIs(t, err, errDown)
	})
}
