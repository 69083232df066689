package throttle_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/fake"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/throttle"
)

// hands are a clock that only its reader moves. A fake.Clock would look for sleepers at each
// of a million steps.
type hands struct {
	policy.Clock
	now time.Time
}

func (h *hands) Now() time.Time          { return h.now }
func (h *hands) advance(d time.Duration) { h.now = h.now.Add(d) }

// server accepts so many calls a second and refuses the others at once.
type server struct {
	clk            *hands
	capacity       int
	second         int64
	now            int // calls in the current second
	sent, accepted int
	by             map[policy.Priority]int // what was sent of each class
}

func (s *server) serve(ctx context.Context) (int, error) {
	if at := s.clk.Now().Unix(); at != s.second {
		s.second, s.now = at, 0
	}
	s.sent++
	s.by[policy.PriorityOf(ctx)]++
	s.now++
	if s.now > s.capacity {
		return 0, errDown
	}
	s.accepted++
	return 1, nil
}

// demand calls the server through a throttle at a steady rate, in virtual time.
type demand struct {
	*server
	th  *throttle.Throttle
	ctx func() context.Context
}

func newDemand(cfg throttle.Config, capacity int) *demand {
	clk := &hands{Clock: fake.NewClock(), now: time.Unix(0, 0)}
	cfg.Clock, cfg.Rand = clk, rand.New(rand.NewPCG(1, 2)).Float64
	return &demand{
		server: &server{clk: clk, capacity: capacity, by: map[policy.Priority]int{}},
		th:     throttle.NewThrottle(cfg), ctx: context.Background,
	}
}

// run makes perSecond calls a second for a time.
func (d *demand) run(perSecond int, duration time.Duration) {
	every := time.Second / time.Duration(perSecond)
	for range int64(duration / every) {
		_, _ = throttle.Do(d.ctx(), d.th, d.serve)
		d.clk.advance(every)
	}
}

// measure is run with counters of that time alone.
func (d *demand) measure(perSecond int, duration time.Duration) {
	d.sent, d.accepted, d.by = 0, 0, map[policy.Priority]int{}
	d.run(perSecond, duration)
}

// In the steady state the throttle sends s calls of which the server accepts a, and
// s = requests x (1 - p) is K x a, up to the 1 in the denominator. What is measured over a
// minute differs by chance: s is a binomial number of 60,000 calls with a deviation below
// 1 %, and accepts come from a window of 10 s with a deviation below 2 %. Where K is near 1,
// some seconds see less than the capacity, which lowers both alike.
func TestOfTenTimesTheCapacityAboutKTimesIsSent(t *testing.T) {
	for _, k := range []float64{2, 1.5, 1.11} {
		d := newDemand(throttle.Config{K: k, Window: 10 * time.Second}, 100)
		d.run(1000, time.Minute)
		d.measure(1000, time.Minute)
		sent, accepted := float64(d.sent)/60, float64(d.accepted)/60
		t.Logf("K %v: demand 1000/s, capacity 100/s, sent %.1f/s, accepted %.1f/s", k, sent, accepted)
		assert.InEpsilon(t, k, sent/accepted, 0.05, "K %v: sent for each accept", k)
		assert.InEpsilon(t, k*100, sent, 0.07, "K %v: sent for the capacity", k)
		assert.GreaterOrEqual(t, accepted, 95., "K %v: the capacity is used", k)
	}
}

// The rate is the same whatever the demand: rejected calls count as requests.
func TestWhatIsSentDoesNotGrowWithTheDemand(t *testing.T) {
	for _, perSecond := range []int{500, 1000, 2000} {
		d := newDemand(throttle.Config{Window: 10 * time.Second}, 100)
		d.run(perSecond, 30*time.Second)
		d.measure(perSecond, 30*time.Second)
		assert.InEpsilon(t, 200, float64(d.sent)/30, 0.1, "a demand of %d/s", perSecond)
	}
}

func TestADemandWithinTheCapacityIsSentWhole(t *testing.T) {
	d := newDemand(throttle.Config{Window: 10 * time.Second}, 100)
	d.run(100, time.Minute)
	assert.Equal(t, 6000, d.accepted)
}

// After an outage the window is full of rejected calls, and the hundredth that goes through
// is accepted. Accepts then grow like exp(K x t / Window) until they are 1/K of the
// requests: with K 2, for ln(100)/2 = 2.3 windows after half a window of the first accepts.
// Failures that leave the window meanwhile do not speed this up: as many new requests come.
func TestAllCallsAreSentAgainThreeWindowsAfterAnOutage(t *testing.T) {
	const window = time.Minute
	d := newDemand(throttle.Config{Window: window}, 1000)
	d.run(100, 2*window)
	require.Zero(t, d.th.Snapshot().Rate)
	d.capacity = 0
	d.run(100, 10*window)
	assert.Equal(t, throttle.DefaultMaxReject, d.th.Snapshot().Rate)
	d.measure(100, window)
	assert.InDelta(t, 60, d.sent, 5*8, "1 %% of 6,000 calls probe; the deviation is 8")

	d.capacity = 1000
	recovered := time.Duration(0)
	for ; d.th.Snapshot().Rate > 0 && recovered < 10*window; recovered += window / 10 {
		d.run(100, window/10)
	}
	t.Logf("no call is rejected %v after an outage of 10 windows, with a window of %v", recovered, window)
	assert.LessOrEqual(t, recovered, 7*window/2)
	d.measure(100, window)
	assert.Equal(t, 6000, d.accepted)
}

// Up to a share of 1 - 1/K of the window's calls may fail.
func TestAnOutageOfLessThanHalfAWindowRejectsNothing(t *testing.T) {
	const window = time.Minute
	d := newDemand(throttle.Config{Window: window}, 1000)
	d.run(100, 2*window)
	d.capacity = 0
	d.measure(100, window*4/10)
	d.capacity = 1000
	d.run(100, 2*window)
	assert.Equal(t, 100*60*24/10, d.sent)
}

// p is near 1 for as long as nothing is accepted.
func TestAThrottleNeverShutsForGood(t *testing.T) {
	for most, deviation := range map[float64]float64{0.9: 0.03, 0.99: 0.1} {
		d := newDemand(throttle.Config{Window: time.Minute, MaxReject: most}, 0)
		d.run(10, 5*time.Minute)
		d.measure(10, 18*time.Minute) // 10,800 calls
		assert.InEpsilon(t, 1-most, float64(d.sent)/10_800, 4*deviation, "MaxReject %v", most)
		d.capacity = 1000
		d.run(10, 10*time.Minute)
		assert.Zero(t, d.th.Snapshot().Rate, "MaxReject %v", most)
	}
}

// Of a demand of 1000/s, half is Low, 300/s Normal and 200/s High. K times the capacity is
// sent, the highest class first. A class that is spared is sent whole, without exception; of
// the others the share varies by chance, with a deviation of 1.5 % in 30 s.
func TestUnderOverloadTheLowestClassesAreShedFirst(t *testing.T) {
	classes := []policy.Priority{
		policy.Low, policy.High, policy.Low, policy.Normal, policy.Low, policy.Normal, policy.Low, policy.High, policy.Low, policy.Normal,
	}
	for _, c := range []struct {
		capacity          int
		low, normal, high float64 // sent in a second
	}{
		{800, 380, 300, 200},
		{600, 160, 300, 200},
		{400, 5, 240, 200}, // MaxReject lets 1 % of 500 through
		{100, 5, 3, 108},   // and 1 % of 300
	} {
		n := 0
		d := newDemand(throttle.Config{K: 1.1, Window: 10 * time.Second}, c.capacity)
		d.ctx = func() context.Context {
			n++
			return policy.WithPriority(context.Background(), classes[n%len(classes)])
		}
		d.run(1000, 20*time.Second)
		d.measure(1000, 30*time.Second)
		t.Logf("capacity %d/s of 1000/s: sent %v in 30 s", c.capacity, d.by)
		for class, want := range map[policy.Priority]float64{policy.Low: c.low, policy.Normal: c.normal, policy.High: c.high} {
			spared := want == 300 || class == policy.High && want == 200
			if spared {
				assert.Equal(t, int(want)*30, d.by[class], "capacity %d, priority %d", c.capacity, class)
			} else {
				assert.InDelta(t, want, float64(d.by[class])/30, max(0.05*want, 2), "capacity %d, priority %d", c.capacity, class)
			}
		}
	}
}
