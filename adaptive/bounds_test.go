package adaptive

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/internal/gate"
	"github.com/ductile-go/ductile/internal/origin"
)

func TestPairsAgreeFromTheirStandardErrorOn(t *testing.T) {
	for _, c := range []struct {
		slopes []float64
		want   bool
	}{
		{[]float64{3}, false},
		{[]float64{0, 0}, true},
		{[]float64{0, 0.1}, true}, // the mean is its standard error, but for rounding
		{[]float64{0, 0.3}, true},
		{[]float64{0, -0.7}, true},
		{[]float64{3, 1e-3}, true},
		{[]float64{3, -1e-3}, false},
		{[]float64{1, 1, 1, -4}, false},
		{[]float64{1, 1, 1, -4, 1, 1, 1}, false},
		{[]float64{1, 1, 1, -9, 1, 1, 1, 1}, true}, // 8 pairs are a step in any case
	} {
		var s slopes
		for _, slope := range c.slopes {
			s.add(slope)
		}
		assert.Equal(t, c.want, s.agree(), "%v", c.slopes)
	}
	for n := range 100 {
		for _, sign := range []float64{1, -1} {
			var s slopes
			s.add(0)
			s.add(sign * float64(n) / 7)
			require.True(t, s.agree(), "%d", n)
		}
	}
}

// measured returns a limiter, and a window of the limit 20 that was reached, has lasted
// 1000 ns, and has 10 samples of 1000 ns.
func measured() (*Limiter, *window) {
	l := NewLimiter(Config{Initial: 20})
	w := l.window.Load()
	w.begun.Store(0)
	w.reached.Store(true)
	w.calls.Store(10)
	w.sum.Store(10 * 1000)
	return l, w
}

func TestAWindowCountsIfHalfOfItsLimitWasInUse(t *testing.T) {
	l, w := measured()
	assert.True(t, l.measure(w, 1000).counts, "10 places of 20 on average")
	assert.False(t, l.measure(w, 1001).counts)
	w.other.Store(10)
	assert.True(t, l.measure(w, 1001).counts, "calls that are no samples use places too")
	assert.False(t, l.measure(w, 1002).counts)
	w.old = 3
	w.gone.Store(2)
	assert.True(t, l.measure(w, 1002).counts, "and a call of an older limit")
	w.gone.Store(5)
	assert.False(t, l.measure(w, 1002).counts, "which have all ended")
	l.kept.Store(1)
	assert.True(t, l.measure(w, 1002).counts, "and kept values")
	w.reached.Store(false)
	assert.False(t, l.measure(w, 1000).counts)
}

func TestTheValueOfAWindowIsItsThroughputCubedByItsLatency(t *testing.T) {
	l, w := measured()
	m := l.measure(w, 1000)
	assert.Equal(t, measure{counts: true, limit: 20, value: m.value}, m)
	assert.InDelta(t, 3*math.Log(10./1000)-math.Log(1000), m.value, 1e-9)
	w.late.Store(9)
	m = l.measure(w, 1000)
	assert.False(t, m.barren, "one call has succeeded")
	assert.InDelta(t, 3*math.Log(1./1000)-math.Log(1000), m.value, 1e-9)
	w.late.Store(10)
	m = l.measure(w, 1000)
	assert.True(t, m.barren)
	assert.InDelta(t, 3*math.Log(0.5/1000)-math.Log(1000), m.value, 1e-9)
	w.late.Store(0)
	for _, sum := range []int64{0, 5, 10} { // latencies below what a clock can tell
		w.sum.Store(sum)
		w.other.Store(10 * 1000)
		assert.InDelta(t, 3*math.Log(10./1000), l.measure(w, 1000).value, 1e-9, "%d ns", sum)
	}
}

func TestAReleasedValueIsKeptNoMore(t *testing.T) {
	l := NewLimiter(Config{Initial: 20})
	var cell *gate.Cell
	cell, _ = l.gate.Enter()
	p := keptPlace{limiter: l, flight: l.begin(cell, false)}
	l.kept.Add(1)
	p.release()
	p.release()
	assert.Zero(t, l.kept.Load())
	assert.True(t, l.gate.Idle())
}

// Some calls take no time that a clock can tell.
func TestACallOfNoTimeTakesNoTime(t *testing.T) {
	l := NewLimiter(Config{Initial: 20})
	w := l.window.Load()
	for _, e := range []ending{success, nothing} {
		l.count(&flight{start: 5}, e, 5)
		l.count(&flight{start: 7}, e, 6) // a clock that was set back
	}
	assert.EqualValues(t, 2, w.calls.Load())
	assert.Zero(t, w.sum.Load())
	assert.Zero(t, w.other.Load())
}

func TestATargetOfANanosecondIsATarget(t *testing.T) {
	l := NewLimiter(Config{Initial: 20, Target: 1, MinCalls: 3, Window: 1})
	assert.Equal(t, DefaultQuantile, l.Config().Quantile)
	assert.Equal(t, refused, l.refusedInside())
	w := l.window.Load()
	assert.EqualValues(t, 3, w.needed)
	for _, took := range []int64{0, 1, 2} {
		w.add(success, took)
	}
	assert.EqualValues(t, 1, w.slow.Load())
	assert.Equal(t, nothing, NewLimiter(Config{}).refusedInside())
}

func TestTheProbesAreAtLeastOneFromTheBase(t *testing.T) {
	for _, c := range []struct {
		base         float64
		lower, upper int
	}{{1, 1, 2}, {1.9, 1, 3}, {2, 1, 3}, {5.9, 4, 7}, {9.99, 8, 11}, {10, 9, 11}, {20, 18, 22}, {99.5, 89, 100}} {
		at := climber{base: c.base, least: 1, most: 100}
		assert.Equal(t, c.lower, at.lower(), "below %v", c.base)
		assert.Equal(t, c.upper, at.upper(), "above %v", c.base)
	}
}

func TestTheSlopeOfAPairIsThatOfItsValuesUnlessNoCallSucceeded(t *testing.T) {
	for _, c := range []struct {
		lo, hi bool // barren
		want   float64
	}{{false, false, 2}, {true, false, 2}, {false, true, 2}, {true, true, -1}} {
		lo := measure{counts: true, limit: 10, value: 1, barren: c.lo}
		hi := measure{counts: true, limit: 20, value: 1 + 2*math.Log(2), barren: c.hi}
		for _, at := range []probe{below, above} {
			first, second := hi, lo
			if at == above {
				first, second = lo, hi
			}
			pairs := climber{base: 15, least: 1, most: 100, at: at, halfway: true, first: first}
			pairs.pair(second)
			assert.Equal(t, 1, pairs.slopes.n)
			assert.InDelta(t, c.want, pairs.slopes.sum, 1e-9, "barren: %t and %t", c.lo, c.hi)
			assert.False(t, pairs.halfway)
		}
	}
}

// A step is 22 % up or 18 % down at most.
func TestAStepIsBoundedHoweverSteepTheSlope(t *testing.T) {
	for slope, want := range map[float64]float64{
		-9: math.Exp(-0.2), -1.5: math.Exp(-0.2), -0.5: math.Exp(-0.1), 0: 1, 0.5: math.Exp(0.1), 1.5: math.Exp(0.2), 9: math.Exp(0.2),
	} {
		c := climber{base: 50, least: 1, most: 100}
		for range 2 {
			c.at, c.halfway, c.first = above, true, measure{limit: 45}
			c.pair(measure{limit: 55, value: slope * math.Log(55./45)})
		}
		assert.InDelta(t, 50*want, c.base, 1e-9, "a slope of %v", slope)
		assert.EqualValues(t, 1, c.steps)
		assert.Zero(t, c.slopes)
	}
}

// Calls whose values are kept have ended, though they hold places.
func TestCallsOfAnOlderLimitAreThoseInUseAndNotKept(t *testing.T) {
	l := NewLimiter(Config{Initial: 20})
	l.kept.Store(3)
	for inUse, want := range map[int]int64{5: 2, 4: 1, 3: 0, 2: 0} {
		next := l.after(l.cfg.Load(), l.window.Load(), 21, moment{inUse: inUse})
		assert.Equal(t, want, next.old)
		begun := int64(warming)
		if want == 0 {
			begun = withFirst
		}
		assert.Equal(t, begun, next.begun.Load(), "%d in use", inUse)
	}
}

// A call is a sample of the limit under which it began only, whatever has moved the limit.
func TestEachLimitHasAnEraOfItsOwn(t *testing.T) {
	aimd, climb := Config{Target: 1}.withDefaults(), Config{}.withDefaults()
	for _, order := range [][]*Config{{&aimd, &climb, &aimd, &climb}, {&climb, &aimd, &climb, &aimd}} {
		l := NewLimiter(Config{})
		seen := map[int64]bool{l.window.Load().era: true}
		for i, c := range order {
			next := l.after(c, l.window.Load(), 30+i, moment{})
			require.False(t, seen[next.era], "move %d", i+1)
			seen[next.era] = true
			l.window.Store(next)
		}
	}
}

func TestAKeptValueIsCountedOnce(t *testing.T) {
	l := NewLimiter(Config{Initial: 20})
	var releases []func()
	a := New[int](l).WithKeep(func(_ context.Context, v int, release func()) int {
		releases = append(releases, release)
		return v
	})
	for n := range int64(3) {
		_, err := a.Do(t.Context(), func(context.Context) (int, error) { return 1, nil })
		require.NoError(t, err)
		require.Equal(t, n+1, l.kept.Load())
	}
	for _, release := range releases {
		release()
	}
	assert.Zero(t, l.kept.Load())
}

// Packages that accept any limiter ask for its fault by way of package origin.
func TestALimiterNotMadeByNewLimiterIsAFault(t *testing.T) {
	assert.NoError(t, origin.Adaptive(NewLimiter(Config{})))
	assert.EqualError(t, origin.Adaptive((*Limiter)(nil)), "adaptive: limiter is nil, want one made by NewLimiter")
	assert.EqualError(t, origin.Adaptive(new(Limiter)), "adaptive: zero Limiter, want one made by NewLimiter")
}

// Another shape of window begins at once, unless calls of an older limit still shape what a
// climber measures.
func TestAWindowStartedAnewGoesOnToWaitForCallsOfAnOlderLimit(t *testing.T) {
	aimd, climb := Config{Target: 1}.withDefaults(), Config{}.withDefaults()
	l := NewLimiter(Config{})
	for _, c := range []struct {
		cfg              *Config
		begun, now, want int64
		old              int64
	}{
		{&climb, warming, 9, warming, 3},
		{&climb, withFirst, 9, 9, 0},
		{&climb, 4, 9, 9, 0},
		{&aimd, warming, 9, 9, 0},
		{&aimd, 4, 9, 9, 0},
	} {
		w := climb.newWindow(1, 20, c.begun)
		w.old = 5
		w.gone.Store(2)
		next := l.again(c.cfg, w, c.now)
		assert.Equal(t, c.want, next.begun.Load())
		assert.Equal(t, c.old, next.old)
		assert.EqualValues(t, 1, next.era)
	}
}
