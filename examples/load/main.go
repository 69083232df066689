// Load runs 200 clients against a server that fails, hangs, breaks connections and recovers
// by a script, once without a retry budget and once with one. It shows what that costs the
// server and the process. Then a soak sends requests of every kind to servers that
// misbehave in every way, over HTTP/1.1 and HTTP/2, with and without TLS, and through nginx
// and HAProxy where they are installed. Load exits with 0 only if no call was lost, no
// resource leaked, retries stayed within their limits, and no attempt arrived twice. A run
// takes 3 s, or as long as -for says: make load gives each run a minute.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	s := settings{}
	flag.IntVar(&s.clients, "clients", 200, "how many call at a time")
	flag.DurationVar(&s.length, "for", 3*time.Second, "how long each of the two runs takes")
	flag.DurationVar(&s.pause, "pause", 100*time.Millisecond, "how long a client waits between two calls")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := tell(ctx, os.Stdout, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// tell makes both runs, and returns an error that lists what went wrong.
func tell(ctx context.Context, out io.Writer, s settings) error {
	if s.clients < 1 || s.length <= 0 || s.pause < 0 {
		return errors.New("want at least one client, some time, and no negative pause")
	}
	var runs []figures
	var faults []string
	for _, s.budget = range []bool{false, true} {
		f, err := measure(ctx, s)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d clients for %v\n", s.title(), s.clients, s.length)
		f.byPhase(out)
		fmt.Fprintln(out)
		for _, fault := range f.faults() {
			faults = append(faults, s.title()+": "+fault)
		}
		runs = append(runs, f)
	}
	compare(out, runs)
	fmt.Fprintln(out)
	faults = append(faults, soak(ctx, out, s.length)...)
	if len(faults) > 0 {
		return fmt.Errorf("not as expected:\n  %s", strings.Join(faults, "\n  "))
	}
	fmt.Fprintln(out, "\nevery expectation held: nothing lost, nothing left behind")
	return nil
}
