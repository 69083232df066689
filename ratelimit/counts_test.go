package ratelimit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/ratelimit"
)

func TestEveryAdmissionIsCounted(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 9, MaxWait: -1, Clock: fake.NewClock(fake.AutoAdvance())})
	plain := ratelimit.New[int](l)
	pausing := plain.WithPause(func(int, error) time.Duration { return 0 })
	do := func(p *ratelimit.RateLimit[int]) bool {
		v, err := p.Do(t.Context(), succeed)
		return v == 1 && err == nil
	}
	for i, admitted := range []func() bool{
		func() bool { return l.Allow(1) },
		func() bool { return l.Wait(t.Context(), 1) == nil },
		func() bool { _, err := l.Reserve(1, 0); return err == nil },
		func() bool { return do(plain) },
		func() bool { return do(pausing) },
		func() bool { return l.Wait(t.Context(), 9) == nil },
		func() bool { return do(plain) },
		func() bool { return do(pausing) },
		func() bool { _, err := l.Reserve(1, -1); return err == nil },
	} {
		require.True(t, admitted(), "%d", i)
		assert.EqualValues(t, 1+i, l.Snapshot().Admitted, "%d", i)
	}
	assert.Zero(t, l.Snapshot().Rejected)
}

func TestEveryRefusalIsCounted(t *testing.T) {
	l := ratelimit.NewLimiter(ratelimit.Config{Limit: 1, Burst: 2, MaxWait: time.Nanosecond, Clock: fake.NewClock()})
	require.True(t, l.Allow(2))
	soon := overdue{t.Context(), l.Clock().Now()}
	for i, refused := range []func() bool{
		func() bool { return !l.Allow(1) },
		func() bool { return !l.Allow(3) },
		func() bool { _, err := l.Reserve(1, 0); return err != nil },
		func() bool { _, err := l.Reserve(3, -1); return err != nil },
		func() bool { return l.Wait(soon, 1) != nil },
		func() bool { return l.Wait(t.Context(), 3) != nil },
		func() bool { _, err := ratelimit.Do(t.Context(), l, succeed); return err != nil },
	} {
		require.True(t, refused(), "%d", i)
		assert.EqualValues(t, 1+i, l.Snapshot().Rejected, "%d", i)
	}
	assert.EqualValues(t, 1, l.Snapshot().Admitted)
	r, err := l.Reserve(1, -1)
	require.NoError(t, err)
	assert.EqualValues(t, 2, l.Snapshot().Admitted)
	r.Cancel()
	assert.EqualValues(t, 1, l.Snapshot().Admitted)
}
