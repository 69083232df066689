package differ_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/singleflight"

	"github.com/ductile-go/ductile/coalesce"
	"github.com/ductile-go/ductile/proof/row"
)

// sharing is a library that shares the runs of a key.
type sharing struct {
	do     func(key string, fn func() (int, error)) (int, error)
	forget func(key string)
}

type flightKey struct{}

func ours() sharing {
	c := coalesce.New[string, int](func(ctx context.Context) (string, bool) {
		key, ok := ctx.Value(flightKey{}).(string)
		return key, ok
	})
	return sharing{
		do: func(key string, fn func() (int, error)) (int, error) {
			return c.Do(context.WithValue(context.Background(), flightKey{}, key), func(context.Context) (int, error) { return fn() })
		},
		forget: c.Forget,
	}
}

func theirs() sharing {
	var g singleflight.Group
	return sharing{
		do: func(key string, fn func() (int, error)) (int, error) {
			v, err, _ := g.Do(key, func() (any, error) { return fn() })
			n, _ := v.(int)
			return n, err
		},
		forget: g.Forget,
	}
}

// stepOf is one step of a schedule of calls.
type stepOf struct {
	does string // "call", "end" or "forget"
	key  string
	pick int    // which of the running functions ends
	with string // how: "value", "error", "panic" or "exit"
}

func planSharing(seed uint64) []stepOf {
	rnd := rand.New(rand.NewPCG(seed, 0xf117))
	steps := make([]stepOf, 1+rnd.IntN(40))
	for n := range steps {
		s := stepOf{does: "call", key: fmt.Sprint(rnd.IntN(3)), pick: rnd.IntN(100)}
		switch rnd.IntN(8) {
		case 0:
			s.does = "forget"
		case 1, 2, 3:
			s.does, s.with = "end", []string{"value", "value", "error", "panic", "exit"}[rnd.IntN(5)]
		}
		steps[n] = s
	}
	return steps
}

// played is one schedule with one library.
type played struct {
	lib sharing
	all sync.WaitGroup

	mu      sync.Mutex
	runs    int
	running []chan string
	results map[int]string // by caller
	lines   []string
}

// play returns what happened at each step. It must be called in a bubble.
func play(lib sharing, steps []stepOf) (lines []string, runs, callers int) {
	p := &played{lib: lib, results: map[int]string{}}
	for _, s := range steps {
		switch s.does {
		case "call":
			n := callers
			callers++
			p.all.Go(func() { p.call(n, s.key) })
		case "forget":
			lib.forget(s.key)
		case "end":
			p.end(s.pick, s.with)
		}
		synctest.Wait()
		p.lines = append(p.lines, fmt.Sprintf("%v: %d runs, %v", s, p.runs, p.results))
	}
	for len(p.running) > 0 {
		p.end(0, "value")
	}
	p.all.Wait()
	return append(p.lines, fmt.Sprint(p.results)), p.runs, callers
}

// call makes a call, and notes whose result it got.
func (p *played) call(n int, key string) {
	result := "exit" // of any run: it says nothing about itself
	defer func() {
		if r := recover(); r != nil {
			result = panicOf(r)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.results[n] = result
	}()
	v, err := p.lib.do(key, func() (int, error) { return p.run(n) })
	if result = fmt.Sprint("value of the function of caller ", v); err != nil {
		result = err.Error()
	}
}

// panicOf returns the value of a panic. singleflight wraps it in an error.
func panicOf(r any) string {
	var was *crash
	if err, ok := r.(error); ok && errors.As(err, &was) {
		return was.Error()
	}
	return fmt.Sprintf("a panic of another kind: %v", r)
}

type crash struct{ of int }

func (c *crash) Error() string { return fmt.Sprint("panic of the function of caller ", c.of) }

// run is the function of a caller.
func (p *played) run(n int) (int, error) {
	end := make(chan string)
	p.mu.Lock()
	p.runs++
	p.running = append(p.running, end)
	p.mu.Unlock()
	switch <-end {
	case "error":
		return 0, fmt.Errorf("error of the function of caller %d", n)
	case "panic":
		panic(&crash{n})
	case "exit":
		runtime.Goexit()
	}
	return n, nil
}

// end ends one of the running functions.
func (p *played) end(pick int, with string) {
	if len(p.running) == 0 {
		return
	}
	n := pick % len(p.running)
	end := p.running[n]
	p.running = append(p.running[:n:n], p.running[n+1:]...)
	end <- with
	synctest.Wait()
}

// TestFlightsEqualThoseOfSingleflight compares callers that do not leave: how often their
// functions run, and which caller gets which result, panic or exit.
func TestFlightsEqualThoseOfSingleflight(t *testing.T) {
	log.SetOutput(io.Discard)
	defer log.SetOutput(os.Stderr)
	runs, callers := 0, 0
	for n := range *schedules {
		steps := planSharing(*firstSeed + uint64(n))
		synctest.Test(t, func(t *testing.T) {
			a, r, c := play(ours(), steps)
			b, _, _ := play(theirs(), steps)
			require.Equal(t, b, a, "seed %d", *firstSeed+uint64(n))
			runs, callers = runs+r, callers+c
		})
	}
	require.Less(t, runs, callers, "nothing was shared")
	row.Row{
		Searched: "differential: coalesce and singleflight v0.20.0",
		Amount:   fmt.Sprintf("%d calls of %d schedules", callers, *schedules),
		Seeds:    fmt.Sprint(*firstSeed),
		Result:   fmt.Sprintf("the same %d runs, and each caller got the result, panic or exit of the same one", runs),
	}.Print()
}
