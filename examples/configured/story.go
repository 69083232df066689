package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/registry"
)

// patience bounds a story, however slow the machine is.
const patience = 2 * time.Minute

// story is a service, its operator, and what was not as expected.
type story struct {
	world
	out              io.Writer
	service          *service
	operator         *operator
	payments, search *breaker.Circuit
	begun            time.Time
	applied, refused int // reloads
	faults           []string
}

// open begins a story. end ends Watch and removes the file.
func (w world) open(ctx context.Context, out io.Writer) (s *story, end func() error, err error) {
	s = &story{world: w, out: out, begun: time.Now()}
	if s.operator, err = newOperator(); err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(s.operator.dir) }
	if err := s.start(); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	ctx, cancel := context.WithCancel(ctx)
	s.operator.watch(ctx, s.service.registry, s.every)
	return s, func() error {
		cancel()
		return errors.Join(<-s.operator.ended, remove())
	}, nil
}

// start makes the service from the file.
func (s *story) start() error {
	spec, err := s.operator.load()
	if err != nil {
		return err
	}
	if s.service, err = newService(spec, s.world); err != nil {
		return err
	}
	if s.payments, err = s.service.registry.Circuit("payments"); err != nil {
		return err
	}
	if s.search, err = s.service.registry.Circuit("search"); err != nil {
		return err
	}
	s.payments.Watch(s.service.ledger.watch)
	return nil
}

// tell tells the whole story, and returns an error that lists what was not as expected.
func (w world) tell(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, end, err := w.open(ctx, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d clients call through the policies of %s\n", s.clients, s.operator.path)
	stop := s.service.trade(ctx, s.clients, s.seed)
	err = s.chapters(ctx)
	stop()
	if err = errors.Join(err, end()); err != nil {
		return err
	}
	s.prove()
	if len(s.faults) > 0 {
		return fmt.Errorf("not as expected:\n  %s", strings.Join(s.faults, "\n  "))
	}
	fmt.Fprintln(out, "\nevery expectation held: 0 lost")
	return nil
}

func (s *story) chapters(ctx context.Context) error {
	for _, chapter := range []func(ctx context.Context) error{
		s.threshold, s.outage, s.typo, s.corrected, s.more, s.less, s.manyEdits, s.again,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// edit edits the file, and prints what for and what the reload did.
func (s *story) edit(ctx context.Context, what string, oldnew ...string) (reload, error) {
	done, err := s.operator.edit(ctx, oldnew...)
	if err == nil {
		s.count(done)
		s.say("%s", what)
		s.show(done)
	}
	return done, err
}

// show prints what a reload did.
func (s *story) show(done reload) {
	if done.err != nil {
		fmt.Fprintf(s.out, "           refused  %s\n", strings.ReplaceAll(done.err.Error(), "\n", "\n           "))
	}
	for _, part := range []struct {
		word  string
		names []string
	}{{"added", done.changes.Added}, {"changed", done.changes.Changed}, {"removed", done.changes.Removed}, {"restarted", done.changes.Restarted}} {
		if len(part.names) > 0 {
			fmt.Fprintf(s.out, "           %-8s %s\n", part.word, strings.Join(part.names, ", "))
		}
	}
}

func (s *story) count(done reload) {
	switch {
	case done.err != nil:
		s.refused++
	case !done.changes.None():
		s.applied++
	}
}

// say prints a line with the time since the story began.
func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "\n  %6.2fs  %s\n", time.Since(s.begun).Seconds(), fmt.Sprintf(format, args...))
}

// expect prints whether something holds, and remembers what does not.
func (s *story) expect(held bool, format string, args ...any) {
	text, sign := fmt.Sprintf(format, args...), "ok "
	if !held {
		sign = "NOT"
		s.faults = append(s.faults, text)
	}
	fmt.Fprintf(s.out, "       %s %s\n", sign, text)
}

// changed expects that a reload changed exactly this.
func (s *story) changed(done reload, want registry.Changes) {
	if got := fmt.Sprint(done.changes); done.err != nil || got != fmt.Sprint(want) {
		s.faults = append(s.faults, fmt.Sprintf("a reload changed %s (%v), want %v", got, done.err, want))
	}
}

// until waits for a condition.
func until(ctx context.Context, holds func() bool) error {
	for !holds() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	return nil
}
