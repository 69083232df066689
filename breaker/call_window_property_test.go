package breaker

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inTwo is a call that has its word and has not looked at the ring yet.
type inTwo struct {
	w             *callWindow
	word, outcome word
	full          bool
	how           string // all calls up to this one, in the order of their words
}

func (w *callWindow) begin(how string, outcome word) inTwo {
	full := w.full.Load()
	return inTwo{w, word(w.now.Add(uint64(outcome.weight()))), outcome, full, how}
}

func (c inTwo) end() Counts {
	if !c.full {
		c.w.fill(c.word)
	}
	c.w.store(c.word | c.outcome)
	return c.w.upTo(c.word, c.outcome.weight(), c.full)
}

func outcomeOf(end byte) word {
	return endOf(end == 'S' || end == 's', end == 's' || end == 'f')
}

// Callers get their words in some order and continue any number of calls later. Each gets
// the totals as they were at its word.
func TestAWindowThatIsNotFullIsExactHoweverLateItsCallersContinue(t *testing.T) {
	for seed := range uint64(2000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		size := 9 + rnd.IntN(60)
		w := newCallWindow(size)
		how := ""
		var held []inTwo
		for range size {
			how += string("SFsf"[rnd.IntN(4)])
			c := w.begin(how, outcomeOf(how[len(how)-1]))
			if rnd.IntN(4) == 0 {
				held = append(held, c)
				continue
			}
			require.Equal(t, recount(size, how), c.end(), "seed %d, window %d, %s", seed, size, how)
		}
		for range rnd.IntN(200) { // some that fill it and go round the ring
			w.play("SF")
		}
		rnd.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
		for _, c := range held {
			require.Equal(t, recount(size, c.how), c.end(), "seed %d, window %d, held up at %s", seed, size, c.how)
		}
	}
}

// A full window may count calls that it no longer knows as successes. It never counts one
// as a failure, and never a call that was not made.
func TestAFullWindowNeverCountsMoreFailuresThanThereWere(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		size := 1 + rnd.IntN(20)
		w := newCallWindow(size)
		how := ""
		var held []inTwo
		for range 300 {
			how += string("SFsf"[rnd.IntN(4)])
			c := w.begin(how, outcomeOf(how[len(how)-1]))
			held = append(held, c)
			if rnd.IntN(3) > 0 {
				i := rnd.IntN(len(held))
				c, held[i] = held[i], held[len(held)-1]
				held = held[:len(held)-1]
				got, want := c.end(), recount(size, c.how)
				require.Equal(t, want.Successes+want.Failures, got.Successes+got.Failures, "seed %d", seed)
				require.LessOrEqual(t, got.Failures, want.Failures, "seed %d", seed)
				require.LessOrEqual(t, got.Slow, want.Slow, "seed %d", seed)
			}
		}
	}
}

func TestAFailureThatReachesTheRateOpensHoweverLateItsCallerContinues(t *testing.T) {
	c := NewCircuit(Config{WindowCalls: 20, FailureRate: 0.5, MinCalls: 10})
	w := c.gen.Load().calls
	w.play("SSSSSFFFF")
	held := w.begin("", endedBadly) // the fifth of ten
	w.play("SSSSSSSSSSSS")
	totals := held.end()
	assert.Equal(t, Counts{Successes: 5, Failures: 5}, totals)
	assert.Equal(t, failureRate, c.initial.trips(totals))
}

func TestAWindowStaysFullWhenItsNumbersWrap(t *testing.T) {
	w := newCallWindow(3)
	for range 1<<21 + 1 { // the last has the number 1 again
		w.count(endedBadly)
	}
	require.EqualValues(t, 1, word(w.now.Load()).number()/oneCall)
	assert.Equal(t, Counts{Failures: 3}, w.counts())
	assert.Equal(t, Counts{Successes: 1, Failures: 2}, w.play("S"))
}
