// Grpc calls a service of three replicas, of which one becomes slow, then hangs, then is
// killed, then comes back. It does so with gRPC's own round_robin, and with hedges, retries
// and a circuit for each address, at the same time and with the same load, and prints what
// the callers of both saw. Then it shows what becomes of retries above a service config that
// retries too. The servers are real, on loopback; it takes some eleven seconds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/ductile-go/ductile/breaker"
)

// act is a part of the story.
type act struct {
	title  string
	length time.Duration
	begin  func(ctx context.Context, patient *replica) error
}

func becomes(h health) func(context.Context, *replica) error {
	return func(_ context.Context, r *replica) error {
		r.health.Store(int32(h))
		return nil
	}
}

var acts = []act{
	{"all are well", 1500 * time.Millisecond, becomes(well)},
	{"one is slow, 300 ms", 2 * time.Second, becomes(slow)},
	{"it hangs, connected", 2500 * time.Millisecond, becomes(silent)},
	{"it is killed", 1500 * time.Millisecond, func(_ context.Context, r *replica) error { r.stop(); return nil }},
	{"it is back", 2500 * time.Millisecond, func(ctx context.Context, r *replica) error {
		r.health.Store(int32(well))
		return r.start(ctx)
	}},
}

func main() {
	seed := flag.Uint64("seed", 18, "of the load and of the service's latencies")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "grpc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, seed uint64) error {
	log := &journal{begun: time.Now()}
	plain, err := newSide(ctx, "round_robin", "round_robin", seed)
	if err != nil {
		return err
	}
	defer plain.close()
	const balancing = "round_robin_circuits"
	with, err := newSide(ctx, "with policies", balancing, seed, guarded(balancing, log.tell)...)
	if err != nil {
		return err
	}
	defer with.close()
	log.names = map[string]string{}
	for i, r := range with.replicas {
		log.names[r.addr] = fmt.Sprintf("replica %d", i+1)
	}
	sides := []*side{plain, with}
	results, err := play(ctx, sides, seed, log)
	if err != nil {
		return err
	}
	table(out, sides, results)
	log.print(out)
	return errors.Join(judge(results), stacked(ctx, out))
}

// play runs the acts, one after the other on both sides at once.
func play(ctx context.Context, sides []*side, seed uint64, log *journal) (results [][]result, err error) {
	for n, a := range acts {
		log.mark(a.title)
		row := make([]result, len(sides))
		var both sync.WaitGroup
		for i, s := range sides {
			if err := a.begin(ctx, s.patient()); err != nil {
				return nil, err
			}
			both.Go(func() { row[i] = load(ctx, s, a.length, rand.New(rand.NewPCG(seed, uint64(n)))) })
		}
		both.Wait()
		results = append(results, row)
	}
	return results, nil
}

// judge returns an error unless the policies have done what they are for.
func judge(results [][]result) error {
	var faults []error
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	for i, row := range results {
		with := row[1]
		expect(with.success() >= 0.99, "%s: %.1f %% of the calls with policies succeeded, want 99 %%", acts[i].title, 100*with.success())
		expect(with.perCall() <= 1.5, "%s: %.2f attempts a call with policies, want at most 1.5", acts[i].title, with.perCall())
	}
	slow, hung, back := results[1], results[2], results[4]
	expect(slow[1].quantile(0.99) < slow[0].quantile(0.99), "slow: p99 is %v with policies and %v without", slow[1].quantile(0.99), slow[0].quantile(0.99))
	expect(hung[0].success() < 0.9, "hung: %.1f %% succeeded without policies, which shows nothing", 100*hung[0].success())
	expect(hung[1].quantile(0.5) < patience/4, "hung: p50 is %v with policies", hung[1].quantile(0.5))
	expect(back[1].third > 0.15, "back: the replica has %.0f %% of the answers, want its share", 100*back[1].third)
	return errors.Join(faults...)
}

// stacked shows retries above retries, and returns an error unless DialOptions prevents it.
func stacked(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "\nOne call to a server that is down: a policy with 3 attempts above a service config with 4\n\n")
	var faults []error
	for _, v := range variants {
		n, err := nested(ctx, v.options)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %-52s %2d requests\n", v.title, n)
		if n != v.want {
			faults = append(faults, fmt.Errorf("%s: %d requests, want %d", v.title, n, v.want))
		}
	}
	return errors.Join(faults...)
}

// moved is one line of the journal.
type moved struct {
	at   time.Duration
	text string
}

// journal is what happened to the circuits, between the acts.
type journal struct {
	begun time.Time
	names map[string]string // of addresses

	mu    sync.Mutex
	lines []moved
}

func (j *journal) add(text func() string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, moved{time.Since(j.begun), text()})
}

func (j *journal) mark(title string) { j.add(func() string { return "-- " + title }) }

func (j *journal) tell(t breaker.Transition) {
	j.add(func() string {
		text := fmt.Sprintf("%s: %v to %v", j.names[t.Name], t.From, t.To)
		if t.Reason != "" {
			text += ", " + t.Reason
		}
		return text
	})
}
