package keyed_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/raced"
	"github.com/ductile-go/ductile/keyed"
	"github.com/ductile-go/ductile/policy"
)

func TestALookupOfAKnownKeyAllocatesNothing(t *testing.T) {
	type pair struct{ host, tenant string }
	texts := keyed.New(config{Make: makeThing})
	pairs := keyed.New(keyed.Config[pair, *thing]{Make: func(pair) *thing { return idle() }})
	numbers := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return idle() }})
	host := "api.example.com"
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		texts.Get(host)
		texts.Lookup(host)
		texts.Lookup("unknown")
		pairs.Get(pair{host, "acme"})
		numbers.Get(7)
	}))
}

func TestACallForAKnownKeyAllocatesNothing(t *testing.T) {
	m := keyed.New(config{Make: makeThing})
	p := keyed.Policy(m, keyOf, tell)
	ctx := withKey(context.Background(), "a")
	events := 0
	watched := policy.NewChain("", []policy.Listener{{Observe: func(context.Context, policy.Event) { events++ }, Kinds: []policy.EventKind{policy.Judged}}}, p)
	for name, call := range map[string]policy.Call[int]{
		"alone":      policy.NewChain("", nil, p).Call(one),
		"unobserved": policy.NewChain("", nil, p, policy.Policy[int](pass{})).Call(one),
		"observed":   watched.Call(one),
	} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = call.Do(ctx) }), name)
	}
	assert.Positive(t, events)
}

func TestACallForAKnownKeyAllocatesNothingInSeveralPipelines(t *testing.T) {
	p := keyed.Policy(keyed.New(config{Make: makeThing}), keyOf, tell)
	reads, writes := policy.NewChain("reads", nil, p).Call(one), policy.NewChain("writes", nil, p).Call(one)
	ctx := withKey(context.Background(), "a")
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = reads.Do(ctx)
		_, _ = writes.Do(ctx)
	}))
}

func TestANewKeyCostsAFewAllocations(t *testing.T) {
	m := keyed.New(keyed.Config[int, *thing]{Make: func(int) *thing { return same }, Max: 100})
	k := 0
	for ; k < 1000; k++ {
		m.Get(k)
	}
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() { k++; m.Get(k) }), 3.0, "an entry, its place in the table, the list for OnDrop")
}

// same is one value for all keys.
var same = idle()

func TestMemoryIsFlatWhileKeysComeAndGo(t *testing.T) {
	for name, makeValue := range map[string]func(int) *thing{
		"idle": func(int) *thing { return idle() },
		"busy": func(int) *thing { return busy() },
	} {
		t.Run(name, func(t *testing.T) {
			m := keyed.New(keyed.Config[int, *thing]{Make: makeValue})
			for k := range 10_000 {
				m.Get(k)
			}
			before := heap()
			for k := range raced.Or(20_000, 1_000_000) {
				m.Get(1_000_000 + k)
			}
			assert.Less(t, heap(), before+64<<10)
			assert.Equal(t, keyed.DefaultMax, m.Len())
			runtime.KeepAlive(m)
		})
	}
}

func TestForgettingAllGivesMemoryBack(t *testing.T) {
	m := keyed.New(config{Make: makeThing, Max: 100_000})
	before := heap()
	for k := range 100_000 {
		m.Get(strconv.Itoa(k))
	}
	full := heap()
	require.Greater(t, full, before+10<<20)
	for k := range 100_000 {
		require.True(t, m.Forget(strconv.Itoa(k)))
	}
	assert.Less(t, heap(), before+64<<10)
	runtime.KeepAlive(m)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
