package cachetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ductile-go/ductile/cache"
)

// TestStore checks the stores that build returns. It calls build once for each check; a
// store must be empty when build returns it, and have room for 100 entries that expire in
// an hour of real time. TestStore panics if build is nil.
//
// The promises are:
//
//   - An entry that was set is found, whole: its value, also a zero one and one beside an
//     error; its error, the same or one with the same text; its times to the nanosecond.
//   - The entry that was set last is found, or none, and none after Delete. This holds for
//     every Get that begins after Set or Delete has returned, on any goroutine.
//   - Keys do not share entries. Every string is a key: an empty one, and one with slashes,
//     line breaks or zero bytes.
//   - An entry whose Keep time has passed is whole or gone.
//   - Under a context that has ended, a method does its work and returns nil, or returns an
//     error that matches ctx.Err().
//   - Delete of a key without an entry returns nil.
func TestStore(t *testing.T, build func() cache.Store[string, int]) {
	t.Helper()
	if build == nil {
		panic("cachetest: TestStore: build is nil, want a function that returns a Store")
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Helper()
			c.on(t.Context(), t, build())
		})
	}
}

// reporter is the part of testing.T that a check uses. The tests of this package pass one
// of their own, so that a check can fail without failing them.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

type check struct {
	name string
	run  func(p *probe)
}

var checks = []check{
	{"a key without an entry is not found", nothingIsFound},
	{"an entry comes back whole", entriesAreWhole},
	{"an error comes back as an error", errorsAreKept},
	{"the last entry replaces the others", lastEntryCounts},
	{"a deleted entry is gone", deletedIsGone},
	{"keys do not share entries", keysAreApart},
	{"an expired entry is whole or gone", expiredIsWholeOrGone},
	{"an ended context is honored or ignored", endedContextIsReported},
	{"a get finds what was set before it", getsFindTheLastSet},
	{"a get finds nothing after a delete", getsFindNothingDeleted},
}

func (c check) on(ctx context.Context, r reporter, s cache.Store[string, int]) {
	r.Helper()
	if s == nil {
		r.Errorf("cachetest: build returned nil, want a Store")
		return
	}
	c.run(&probe{reporter: r, ctx: ctx, store: s})
}

// probe is one check of one store.
type probe struct {
	reporter
	ctx   context.Context
	store cache.Store[string, int]
}

// entry returns an entry whose fields all depend on v.
func entry(v int, err error) cache.Entry[int] {
	made := time.Now().Add(time.Duration(v))
	return cache.Entry[int]{
		Value: v, Err: err, Made: made,
		Fresh: made.Add(time.Hour + time.Duration(v)), Stale: made.Add(2*time.Hour + 1), Keep: made.Add(3 * time.Hour),
	}
}

func (p *probe) set(k string, e cache.Entry[int]) {
	p.Helper()
	if err := p.store.Set(p.ctx, k, e); err != nil {
		p.Errorf("cachetest: Set(%q) returned an error: %v", k, err)
	}
}

func (p *probe) delete(k string) {
	p.Helper()
	if err := p.store.Delete(p.ctx, k); err != nil {
		p.Errorf("cachetest: Delete(%q) returned an error, want nil, also if there is no entry: %v", k, err)
	}
}

func (p *probe) get(k string) (cache.Entry[int], bool) {
	p.Helper()
	e, ok, err := p.store.Get(p.ctx, k)
	if err != nil {
		p.Errorf("cachetest: Get(%q) returned an error: %v", k, err)
	}
	return e, ok && err == nil
}

// finds checks that the entry of k is want.
func (p *probe) finds(k string, want cache.Entry[int]) {
	p.Helper()
	got, ok := p.get(k)
	if !ok {
		p.Errorf("cachetest: Get(%q) found no entry, want the one that was set", k)
		return
	}
	if diff := differ(got, want); diff != "" {
		p.Errorf("cachetest: Get(%q) found an entry with another %s than the one that was set", k, diff)
	}
}

// findsNone checks that k has no entry.
func (p *probe) findsNone(k, why string) {
	p.Helper()
	if e, ok := p.get(k); ok {
		p.Errorf("cachetest: Get(%q) found an entry with the value %d, want none: %s", k, e.Value, why)
	}
}

// differ returns what differs between two entries, or "".
func differ(got, want cache.Entry[int]) string {
	if got.Value != want.Value {
		return fmt.Sprintf("Value (%d, want %d)", got.Value, want.Value)
	}
	if diff := differErr(got.Err, want.Err); diff != "" {
		return diff
	}
	for _, t := range []struct {
		name      string
		got, want time.Time
	}{
		{"Made", got.Made, want.Made}, {"Fresh", got.Fresh, want.Fresh}, {"Stale", got.Stale, want.Stale}, {"Keep", got.Keep, want.Keep},
	} {
		if got, want := t.got.Round(0), t.want.Round(0); !got.Equal(want) { // without monotonic readings
			return fmt.Sprintf("%s (%v, want %v)", t.name, got, want)
		}
	}
	return ""
}

func differErr(got, want error) string {
	switch {
	case errors.Is(got, want):
		return ""
	case got == nil:
		return fmt.Sprintf("Err (nil, want %q: a kept error came back as a success)", want)
	case want == nil || got.Error() != want.Error():
		return fmt.Sprintf("Err (%q, want %v)", got, want)
	}
	return ""
}
