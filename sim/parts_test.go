package sim

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/histogram"
	"github.com/ductile-go/ductile/pipeline"
)

func TestTheHeapIsInTheOrderOfTimeAndSequence(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var h heap
	var in []*event
	least := func() *event {
		return slices.MinFunc(in, func(a, b *event) int {
			if before(a, b) {
				return -1
			}
			return 1
		})
	}
	for i := range 20_000 {
		switch {
		case r.IntN(5) < 3 || len(in) == 0:
			e := &event{at: r.Int64N(50), seq: int64(i)}
			h.push(e)
			in = append(in, e)
		case r.IntN(2) == 0:
			k := r.IntN(len(in))
			assert.True(t, h.remove(in[k]))
			assert.False(t, h.remove(in[k]))
			in = slices.Delete(in, k, k+1)
		default:
			e := h.first()
			assert.Same(t, least(), e)
			h.remove(e)
			in = slices.DeleteFunc(in, func(o *event) bool { return o == e })
		}
		assert.Len(t, h.events, len(in))
		if len(in) > 300 {
			h, in = heap{}, nil
		}
	}
	assert.Nil(t, (&heap{}).first())
}

func TestTheReadyQueueIsFirstInFirstOut(t *testing.T) {
	var q ready
	var want []*proc
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		if r.IntN(3) > 0 || len(want) == 0 {
			p := &proc{}
			q.push(p)
			want = append(want, p)
			continue
		}
		assert.Same(t, want[0], q.first())
		q.pop()
		want = want[1:]
	}
	for _, p := range want {
		assert.Same(t, p, q.first())
		q.pop()
	}
	assert.Nil(t, q.first())
}

func TestALinkLeavesItsChainFromAnyPlace(t *testing.T) {
	var c chain[int]
	links := make([]link[int], 5)
	for i := range links {
		links[i].owner = i
		c.push(&links[i])
	}
	for _, i := range []int{2, 0, 4} {
		links[i].leave()
		links[i].leave()
	}
	var left []int
	for k := c.first; k != nil; k = k.next {
		left = append(left, k.owner)
	}
	assert.Equal(t, []int{1, 3}, left)
	assert.Equal(t, 2, c.n)
	links[1].leave()
	links[3].leave()
	assert.Nil(t, c.first)
	assert.Nil(t, c.last)
}

func TestASpreadHasTheQuantilesOfAHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	var s, a, b spread
	var h histogram.Histogram
	longest := time.Duration(0)
	assert.Zero(t, s.quantile(0.5))
	for i := range 5000 {
		d := time.Duration(math.Exp(r.Float64()*20)) - 1
		h.Add(d)
		longest = max(longest, d)
		[]*spread{&a, &b}[i%2].add(d)
	}
	s.merge(&a)
	s.merge(&b)
	assert.EqualValues(t, 5000, s.count())
	for _, q := range []float64{0.001, 0.1, 0.5, 0.99, 1} {
		want, _ := histogram.Quantile(q, &h)
		assert.Equal(t, min(want, longest), s.quantile(q), q)
	}
}

func TestDistributions(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 4)).Float64
	quantiles := func(d Dist) (mean time.Duration, at func(float64) time.Duration) {
		all := make([]time.Duration, 100_000)
		sum := time.Duration(0)
		for i := range all {
			all[i] = d.draw(random)
			sum += all[i]
		}
		slices.Sort(all)
		return sum / time.Duration(len(all)), func(q float64) time.Duration { return all[int(q*float64(len(all)-1))] }
	}
	l := Lognormal(10*time.Millisecond, 100*time.Millisecond)
	mean, at := quantiles(l)
	assert.InEpsilon(t, 10*time.Millisecond, at(0.5), 0.02)
	assert.InEpsilon(t, 100*time.Millisecond, at(0.99), 0.05)
	assert.InEpsilon(t, l.Mean(), mean, 0.02)
	assert.Equal(t, "lognormal(median 10ms, p99 100ms)", l.String())

	table := FromTable(Quantile{1, 100}, Quantile{0.5, 10}, Quantile{0.25, 6}, Quantile{0.9, 20})
	mean, at = quantiles(table)
	assert.EqualValues(t, 6, at(0.1), "below the first quantile")
	assert.InDelta(t, 10, at(0.5), 1)
	assert.InDelta(t, 60, at(0.95), 4)
	assert.InDelta(t, float64(table.Mean()), float64(mean), 1)
	assert.Equal(t, "table(4 quantiles)", table.String())
	assert.EqualValues(t, 7, FromTable(Quantile{0.5, 7}).draw(random))
	assert.EqualValues(t, 7, FromTable(Quantile{0.5, 7}).Mean())

	assert.Equal(t, "exponential(mean 1s)", Exponential(time.Second).String())
	assert.Equal(t, "constant(1s)", Constant(time.Second).String())
	assert.Equal(t, time.Second, Exponential(time.Second).Mean())
	assert.Zero(t, Dist{}.draw(random))
	assert.Equal(t, "0", Dist{}.String())
	assert.Zero(t, Dist{}.Mean())
	assert.Positive(t, Lognormal(math.MaxInt64/4, math.MaxInt64).Mean(), "no overflow")
	for range 1000 {
		assert.GreaterOrEqual(t, Exponential(math.MaxInt64/2).draw(random), time.Duration(0), "no overflow")
	}

	for wrong, d := range map[string]Dist{
		"its mean is -1ns, want 0 or more":                             Exponential(-1),
		"its median is 0s, want more than 0":                           Lognormal(0, 1),
		"its p99 is 1ns, want at least the median, 2ns":                Lognormal(2, 1),
		"it is empty, want at least one quantile":                      FromTable(),
		"a share is 2, want 0 to 1":                                    FromTable(Quantile{2, 1}),
		"a time is -1ns, want 0 or more":                               FromTable(Quantile{0, -1}),
		"the time of share 1 is 1ns, want at least 2ns as for share 0": FromTable(Quantile{1, 1}, Quantile{0, 2}),
	} {
		assert.Equal(t, wrong, d.wrong)
	}
}

func TestARecoveryIsTheEndOfTheLastBadStretch(t *testing.T) {
	sec := time.Second
	fill := func(fails func(i int) int32) *record {
		r := newRecord(30 * sec)
		for i := range r.tallies {
			r.tallies[i] = tally{calls: 50, ended: 50, succeeded: 50 - fails(i)}
		}
		return &r
	}
	during := func(i int) bool { return i >= 100 && i < 150 }
	for _, c := range []struct {
		what  string
		fails func(i int) int32
		want  time.Duration
	}{
		{"at once", func(i int) int32 { return map[bool]int32{true: 50}[during(i)] }, 0},
		{"after 3 s", func(i int) int32 { return map[bool]int32{true: 50}[i >= 100 && i < 180] }, 3 * sec},
		{"a relapse counts", func(i int) int32 { return map[bool]int32{true: 50}[during(i) || i == 220] }, 7*sec + 100*time.Millisecond},
		{"one failure in 500 calls does not", func(i int) int32 { return map[bool]int32{true: 50}[during(i)] + map[bool]int32{true: 1}[i == 220] }, 0},
		{"failures as before do not", func(int) int32 { return 5 }, 0},
		{"never", func(i int) int32 { return map[bool]int32{true: 50}[i >= 100] }, -1},
		{"not in the end", func(i int) int32 { return map[bool]int32{true: 50}[during(i) || i == 299] }, -1},
	} {
		assert.Equal(t, c.want, fill(c.fails).recovery(0, 10*sec, 15*sec, 30*sec), c.what)
	}
	dying := fill(func(i int) int32 { return map[bool]int32{true: 50}[i >= 100] })
	for i := 290; i < 300; i++ { // the calls of the last second have not ended
		dying.tallies[i] = tally{calls: 50}
	}
	dying.cut(30 * sec)
	assert.Equal(t, time.Duration(-1), dying.recovery(0, 10*sec, 15*sec, 30*sec), "calls in flight are no recovery")
	assert.Equal(t, time.Duration(-1), dying.recovery(0, 10*sec, 29500*time.Millisecond, 30*sec), "nothing is known of the time after")
	assert.Equal(t, time.Duration(-1), fill(func(int) int32 { return 0 }).recovery(0, 10*sec, 30*sec, 30*sec), "faults to the end")
	assert.Zero(t, fill(func(int) int32 { return 0 }).recovery(0, 10*sec, 29900*time.Millisecond, 30*sec), "less than a second is left")
}

func TestStacksSayWhoWaits(t *testing.T) {
	stacks := []byte("goroutine 1 [running]:\nmain.f()\n\ngoroutine 12 [chan receive, 2 minutes]:\nmain.g()\n\ngoroutine 123 [coroutine]:\nmain.h()\n")
	_, waits := blocked(stacks, "goroutine 1")
	assert.False(t, waits)
	stack, waits := blocked(stacks, "goroutine 12")
	assert.True(t, waits)
	assert.Contains(t, stack, "main.g()")
	_, waits = blocked(stacks, "goroutine 123")
	assert.False(t, waits)
	_, waits = blocked(stacks, "goroutine 2")
	assert.False(t, waits)
	assert.Regexp(t, `^goroutine \d+$`, goroutine())
}

func TestAnInterruptEndsTheMakingOfPipelines(t *testing.T) {
	var w *world
	asked := 0
	s := Scenario{
		Duration: time.Second,
		Clients:  []Client{{Name: "web", Replicas: 1000, Rate: 1, Calls: "api"}},
		Services: []Service{{Name: "api"}},
		Variants: []Variant{{Name: "production", Pipeline: func(context.Context, string, int) *pipeline.Pipeline[any] {
			asked++
			w.engine.outside.stop.Store(true) // as Run does when its context ends
			return nil
		}}},
	}.withDefaults()
	w = newWorld(t.Context(), &s, &s.Variants[0])
	require.NoError(t, w.run())
	assert.Equal(t, 1, asked)
}
