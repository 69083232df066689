package fake_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/fake"
)

func TestATimerFiresOnceAtItsMoment(t *testing.T) {
	clk := fake.NewClock()
	begun := clk.Now()
	timer := clk.NewTimer(time.Second)
	assert.Equal(t, 1, clk.Waiters())
	clk.Advance(time.Second - 1)
	assert.Empty(t, timer.C)
	clk.Advance(time.Hour)
	assert.Equal(t, begun.Add(time.Second), <-timer.C)
	clk.Advance(time.Hour)
	assert.Empty(t, timer.C)
	assert.Zero(t, clk.Waiters())
	assert.False(t, timer.Stop())
}

func TestATimerWithoutDelayHasFired(t *testing.T) {
	clk := fake.NewClock()
	for _, d := range []time.Duration{0, -time.Second} {
		timer := clk.NewTimer(d)
		assert.Equal(t, clk.Now(), <-timer.C)
		assert.False(t, timer.Reset(d))
		assert.Equal(t, clk.Now(), <-timer.C)
		assert.Zero(t, clk.Waiters())
	}
}

func TestStopAndResetLeaveNoStaleValue(t *testing.T) {
	clk := fake.NewClock()
	begun := clk.Now()
	timer := clk.NewTimer(time.Second)
	clk.Advance(time.Second)
	assert.True(t, timer.Stop(), "the value was not received")
	assert.Empty(t, timer.C)
	assert.False(t, timer.Reset(time.Second))
	clk.Advance(time.Second)
	assert.True(t, timer.Reset(time.Second), "a fired, unread timer")
	clk.Advance(time.Second)
	assert.Equal(t, begun.Add(3*time.Second), <-timer.C)
	assert.False(t, timer.Reset(time.Minute))
	assert.True(t, timer.Reset(time.Second), "pending")
	assert.True(t, timer.Stop())
	clk.Advance(time.Hour)
	assert.Empty(t, timer.C)
	assert.Zero(t, clk.Waiters())
}

func TestATickerDropsTicksThatAreNotReceived(t *testing.T) {
	clk := fake.NewClock()
	begun := clk.Now()
	ticker := clk.NewTicker(time.Second)
	clk.Advance(3 * time.Second)
	assert.Equal(t, begun.Add(time.Second), <-ticker.C, "the later two were dropped")
	clk.Advance(time.Second)
	assert.Equal(t, begun.Add(4*time.Second), <-ticker.C)

	clk.Advance(time.Second)
	ticker.Reset(time.Minute)
	assert.Empty(t, ticker.C, "no stale tick after Reset")
	clk.Advance(time.Minute)
	assert.Equal(t, begun.Add(time.Minute+5*time.Second), <-ticker.C)
	clk.Advance(time.Minute)
	ticker.Stop()
	assert.Empty(t, ticker.C, "no stale tick after Stop")
	assert.Zero(t, clk.Waiters())
	clk.Advance(time.Hour)
	assert.Empty(t, ticker.C)
	ticker.Reset(time.Second)
	clk.Advance(time.Second)
	assert.Len(t, ticker.C, 1)
	ticker.Stop()
}

func TestMisuseOfATimerPanicsWithTheReason(t *testing.T) {
	clk := fake.NewClock()
	ticker := clk.NewTicker(1)
	defer ticker.Stop()
	for want, use := range map[string]func(){
		"fake: Clock.NewTicker: d is 0s, want more than 0":                                func() { clk.NewTicker(0) },
		"fake: Ticker.Reset: d is -1ns, want more than 0":                                 func() { ticker.Reset(-1) },
		"fake: Timer.Stop: the zero value has no clock; create it with Clock.NewTimer":    func() { new(fake.Timer).Stop() },
		"fake: Timer.Reset: the zero value has no clock; create it with Clock.NewTimer":   func() { new(fake.Timer).Reset(1) },
		"fake: Ticker.Stop: the zero value has no clock; create it with Clock.NewTicker":  func() { new(fake.Ticker).Stop() },
		"fake: Ticker.Reset: the zero value has no clock; create it with Clock.NewTicker": func() { new(fake.Ticker).Reset(1) },
		"fake: Clock.AfterFunc: f is nil, want a function":                                func() { clk.AfterFunc(1, nil) },
	} {
		assert.PanicsWithValue(t, want, use)
	}
	assert.Equal(t, 1, clk.Waiters())
}

// TestATimerBehavesLikeOneOfPackageTime takes random steps with a timer of each package,
// in a bubble, where the time of package time is virtual too.
func TestATimerBehavesLikeOneOfPackageTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(50, 1))
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			clk := fake.NewClock()
			std, ours := time.NewTimer(3*time.Second), clk.NewTimer(3*time.Second)
			defer std.Stop()
			received := func(c <-chan time.Time) bool {
				select {
				case <-c:
					return true
				default:
					return false
				}
			}
			for range 30 {
				d := time.Duration(1+rng.IntN(5)) * time.Second
				switch rng.IntN(4) {
				case 0:
					time.Sleep(d)
					clk.Advance(d)
					synctest.Wait()
				case 1:
					assert.Equal(t, received(std.C), received(ours.C))
				case 2:
					assert.Equal(t, std.Stop(), ours.Stop())
				case 3:
					assert.Equal(t, std.Reset(d), ours.Reset(d))
				}
			}
		})
	}
}

// When Stop returns, no value can reach the channel any more, whatever Advance does.
func TestAStopThatRacesWithAdvanceLeavesNoValue(t *testing.T) {
	for range 3000 {
		clk := fake.NewClock()
		timer := clk.NewTimer(time.Second)
		ticker := clk.NewTicker(time.Second)
		var wg sync.WaitGroup
		wg.Go(func() { clk.Advance(3 * time.Second) })
		var active, received bool
		wg.Go(func() {
			select {
			case <-timer.C:
				received = true
			default:
			}
			active = timer.Stop()
			ticker.Stop()
		})
		wg.Wait()
		assert.NotEqual(t, received, active)
		assert.Empty(t, timer.C)
		assert.Empty(t, ticker.C)
		assert.Zero(t, clk.Waiters())
	}
}
