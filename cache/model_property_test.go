package cache_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/fake"
)

// modelConfigs are the modes that the model is played in. The times of functions are odd
// numbers of milliseconds, and those of configs are not, so that no two things happen at
// one moment in an order that is not defined.
var modelConfigs = []config{
	{TTL: 100 * time.Millisecond},
	{TTL: 100 * time.Millisecond, Stale: 400 * time.Millisecond, Cooldown: 50 * time.Millisecond, RefreshTimeout: 30 * time.Millisecond},
	{TTL: 100 * time.Millisecond, StaleIfError: 300 * time.Millisecond},
	{
		TTL: 200 * time.Millisecond, Stale: 300 * time.Millisecond, StaleIfError: 500 * time.Millisecond,
		Cooldown: 40 * time.Millisecond, RefreshTimeout: 100 * time.Millisecond,
	},
	{TTL: 60 * time.Millisecond, Stale: 20 * time.Millisecond, StaleIfError: 200 * time.Millisecond, RefreshTimeout: time.Second, Cooldown: time.Second},
}

// play plays a program of bytes against the model.
func play(t *testing.T, program []byte) {
	t.Helper()
	next := func() int {
		if len(program) == 0 {
			return 0
		}
		b := program[0]
		program = program[1:]
		return int(b)
	}
	cfg := modelConfigs[next()%len(modelConfigs)]
	cfg.Key, cfg.NegativeTTL, cfg.Negative = keyIn[string], 80*time.Millisecond, isMissing
	m := &model{cfg: cfg, share: 1, keys: map[string]*modelKey{}, now: time.Now()}
	cfg.Jitter = cache.NoJitter
	if next()%2 == 0 {
		cfg.Jitter, cfg.Rand, m.share = 0.5, fake.Rand(0.5), 0.75
	}
	if next()%3 == 0 {
		cfg.Store = newSlow("")
	}
	c := cache.New(cfg)
	for step := 0; len(program) > 0; step++ {
		k := []string{"a", "b"}[next()%8/7]
		switch op := next() % 16; {
		case op < 9:
			o := outcome{v: step, err: outcomes[next()%len(outcomes)], took: time.Duration(2*(next()%70)+1) * time.Millisecond}
			if o.err != nil {
				o.v = 0
			}
			wantV, wantErr := m.get(k, o)
			v, err := c.Do(with(t.Context(), k), o.do)
			require.ErrorIs(t, err, wantErr, "step %d", step)
			require.Equal(t, wantV, v, "step %d", step)
		case op < 14:
			d := time.Duration(2*(next()%100)) * time.Millisecond
			time.Sleep(d)
			m.advance(m.now.Add(d))
		case op == 14:
			m.delete(k)
			require.NoError(t, c.Delete(t.Context(), k))
		default:
			m.makeStale(k)
			require.NoError(t, c.Refresh(t.Context(), k))
		}
		synctest.Wait()
		require.True(t, m.now.Equal(time.Now()), "step %d: it is %v, want %v", step, time.Now(), m.now)
		got := c.Snapshot()
		got.Entries, got.Evicted = 0, 0
		require.Equal(t, m.snap, got, "step %d", step)
	}
	require.NoError(t, c.Close(t.Context()))
}

func TestACacheDoesWhatItsModelDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 4))
	for range 100 {
		program := make([]byte, 300)
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		synctest.Test(t, func(t *testing.T) { play(t, program) })
	}
}
