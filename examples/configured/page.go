package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/console"
)

// pace is the time between two edits of the page's file, and phase how long payments are up,
// flaky or down.
const pace, phase = 2 * time.Second, 8 * time.Second

// page serves the console, while clients call and the file is edited again and
// again, until ctx ends.
func (w world) page(ctx context.Context, out io.Writer) (err error) {
	s, end, err := w.open(ctx, io.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	c := console.New(console.Config{Registry: s.service.registry, Stats: s.service.stats, Title: "configured"})
	mux := http.NewServeMux()
	mux.Handle("/debug/ductile/", http.StripPrefix("/debug/ductile", c))
	server, err := serve(ctx, mux)
	if err != nil {
		return err
	}
	server.RegisterOnShutdown(c.Close)
	fmt.Fprintf(out, "  http://%s/debug/ductile/\n  edit %s, as the program does; interrupt to end\n", server.Addr, s.operator.path)
	// Outages come and go here, and an hour is too long for them.
	if err := s.operator.save(strings.Replace(declared, "recovery_timeout: 1h", "recovery_timeout: 3s", 1)); err != nil {
		return errors.Join(err, server.Close())
	}
	stop := s.service.trade(ctx, s.clients, s.seed)
	err = s.editOn(ctx, out)
	stop()
	if err != nil {
		return err
	}
	return server.Shutdown(context.WithoutCancel(ctx))
}

// editOn edits the file again and again, and prints what each reload did, until ctx ends.
func (s *story) editOn(ctx context.Context, out io.Writer) error {
	next := time.NewTicker(pace)
	defer next.Stop()
	for n := 1; ; {
		select {
		case <-ctx.Done():
			return nil
		case done := <-s.operator.reloads:
			fmt.Fprintf(out, "  reloaded: added %v, changed %v, removed %v; %v\n", done.changes.Added, done.changes.Changed, done.changes.Removed, done.err)
		case <-next.C:
			s.backend.pay.Store(int32(time.Since(s.begun)/phase) % (up + 1))
			if err := s.operator.nudge(n); err != nil {
				return err
			}
			n++
		}
	}
}

var places = regexp.MustCompile(`(?m)^  search: \{limit: \w+,`)

// nudge changes one value of the file, and leaves what others have edited. Each fifth time
// the value is wrong.
func (o *operator) nudge(n int) error {
	text, err := os.ReadFile(o.path)
	if err != nil {
		return err
	}
	limit := strconv.Itoa(2 + n%3)
	if n%5 == 0 {
		limit = "many"
	}
	return o.save(places.ReplaceAllString(string(text), "  search: {limit: "+limit+","))
}
