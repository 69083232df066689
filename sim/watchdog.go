package sim

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/ductile-go/ductile/policy"
)

// A function that waits for something other than the clock, such as a channel, stops its
// engine: the coroutine has the processor, and does not give it back. The watchdog finds
// out, and Run returns an error instead of hanging. One that computes does the same, but
// may come to an end, so it is given up only if the context of Run has ended.
const looks = 4 // in a row at which the coroutine waits in the same turn

// lookPeriod is the time between two looks. Tests shorten it.
var lookPeriod = 500 * time.Millisecond

type watchdog struct {
	ctx    context.Context
	worlds []*world
	turns  []int64
	seen   []int // looks in a row
	ticker *time.Ticker
}

func newWatchdog(ctx context.Context, worlds []*world) *watchdog {
	return &watchdog{ctx: ctx, worlds: worlds, turns: make([]int64, len(worlds)), seen: make([]int, len(worlds)), ticker: time.NewTicker(lookPeriod)}
}

func (d *watchdog) tick() <-chan time.Time { return d.ticker.C }
func (d *watchdog) stop()                  { d.ticker.Stop() }

// look returns an error if a coroutine waits for something other than the clock, or if it does
// not go on and the context has ended.
func (d *watchdog) look() error {
	var stacks []byte
	for i, w := range d.worlds {
		out := &w.engine.outside
		turns, p := out.turns.Load(), out.running.Load()
		if p == nil || turns != d.turns[i] {
			d.turns[i], d.seen[i] = turns, 0
			continue
		}
		if stacks == nil {
			stacks = allStacks()
		}
		stack, waits := blocked(stacks, p.id)
		if !waits && d.ctx.Err() == nil {
			d.seen[i] = 0
			continue
		}
		d.seen[i]++
		switch at := time.Duration(out.at.Load()); {
		case d.seen[i] < looks:
		case !waits:
			return fmt.Errorf("sim: variant %q: at %v a function computes without calling the clock, so the run cannot be interrupted: %w\n\n%s",
				w.variant.Name, at, policy.Ended(d.ctx), stack)
		default:
			return fmt.Errorf("sim: variant %q: at %v a function waits for something other than the clock; in a simulation only policy.Sleep, policy.NewWaiter, policy.AfterFunc and policy.Go wait, with Clock(ctx), and it must not hold a lock meanwhile\n\n%s",
				w.variant.Name, at, stack)
		}
	}
	return nil
}

// goroutine returns the name of the running goroutine in stacks, "goroutine 7".
func goroutine() string {
	var text [64]byte
	line := text[:runtime.Stack(text[:], false)]
	if i := bytes.IndexByte(line, '['); i > 0 {
		line = line[:i]
	}
	return string(bytes.TrimSpace(line))
}

func allStacks() []byte {
	for size := 1 << 20; ; size *= 2 {
		text := make([]byte, size)
		if n := runtime.Stack(text, true); n < size {
			return text[:n]
		}
	}
}

// blocked returns the stack of a goroutine, if it is in stacks, and whether it waits for another
// one.
func blocked(stacks []byte, id string) (stack string, waits bool) {
	i := bytes.Index(stacks, []byte(id+" "))
	if i < 0 {
		return "", false
	}
	text, _, _ := bytes.Cut(stacks[i:], []byte("\n\n"))
	stack = string(text)
	head, _, _ := strings.Cut(stack, "\n")
	for _, state := range []string{"[chan ", "[select", "[sync.", "[semacquire", "[sleep", "[IO wait"} {
		if strings.Contains(head, state) {
			return stack, true
		}
	}
	return stack, false
}
