package cachetest

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func nothingIsFound(p *probe) {
	p.findsNone("a", "nothing was set")
	p.findsNone("", "nothing was set")
}

func entriesAreWhole(p *probe) {
	for k, v := range map[string]int{"a": 1, "zero": 0, "": 2, "least": math.MinInt, "k\x00/\n\u00fc": math.MaxInt32} {
		e := entry(v%1000, nil)
		e.Value = v
		p.set(k, e)
		p.finds(k, e)
	}
}

func errorsAreKept(p *probe) {
	e := entry(0, errors.New("not found"))
	p.set("a", e)
	p.finds("a", e)
	e = entry(7, errors.New("gone"))
	p.set("a", e)
	p.finds("a", e)
	e = entry(8, nil)
	p.set("a", e)
	p.finds("a", e)
}

func lastEntryCounts(p *probe) {
	for v := range 20 {
		e := entry(v, nil)
		p.set("a", e)
		p.finds("a", e)
	}
	shorter := entry(3, nil)
	shorter.Fresh, shorter.Keep = shorter.Made.Add(time.Minute), shorter.Stale
	p.set("a", shorter)
	p.finds("a", shorter)
}

func deletedIsGone(p *probe) {
	p.delete("a")
	p.set("a", entry(1, nil))
	p.set("b", entry(2, nil))
	p.delete("a")
	p.findsNone("a", "it was deleted")
	p.delete("a")
	p.findsNone("a", "it was deleted")
	again := entry(3, nil)
	p.set("a", again)
	p.finds("a", again)
}

func keysAreApart(p *probe) {
	const n = 50
	made := entry(0, nil)
	for i := range n {
		made.Value = i
		p.set(strconv.Itoa(i), made)
	}
	p.delete("7")
	for i := range n {
		if k := strconv.Itoa(i); i == 7 {
			p.findsNone(k, "it was deleted")
		} else {
			made.Value = i
			p.finds(k, made)
		}
	}
}

func expiredIsWholeOrGone(p *probe) {
	p.set("a", entry(1, nil))
	old := entry(2, nil)
	ago := -24 * time.Hour
	old.Made, old.Fresh, old.Stale, old.Keep = old.Made.Add(ago), old.Fresh.Add(ago), old.Stale.Add(ago), old.Keep.Add(ago)
	p.set("a", old)
	if e, ok := p.get("a"); ok {
		if diff := differ(e, old); diff != "" {
			p.Errorf("cachetest: Get(\"a\") found an entry with another %s than the expired one that was set last", diff)
		}
	}
	fresh := entry(3, nil)
	p.set("a", fresh)
	p.finds("a", fresh)
}

func endedContextIsReported(p *probe) {
	before, after := entry(1, nil), entry(2, nil)
	p.set("a", before)
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	reports := func(method string, err error) bool {
		if err != nil && !errors.Is(err, ended.Err()) {
			p.Errorf("cachetest: %s returned under an ended context an error that does not match ctx.Err(): %v", method, err)
		}
		return err == nil
	}
	e, ok, err := p.store.Get(ended, "a")
	if reports("Get", err) && (!ok || differ(e, before) != "") {
		p.Errorf("cachetest: Get returned nil under an ended context and did not find the entry: return the entry, or ctx.Err()")
	}
	if reports("Set", p.store.Set(ended, "a", after)) {
		p.finds("a", after)
	} else if e, ok := p.get("a"); ok && differ(e, before) != "" && differ(e, after) != "" {
		p.Errorf("cachetest: Set left under an ended context an entry that is neither the old nor the new one")
	}
	if reports("Delete", p.store.Delete(ended, "a")) {
		p.findsNone("a", "Delete returned nil under an ended context: delete the entry, or return ctx.Err()")
	}
}

const (
	rounds  = 300
	readers = 3
)

// getsFindTheLastSet has one writer for each key, and readers that know what it has set.
func getsFindTheLastSet(p *probe) {
	keys := []string{"a", "b"}
	made := entry(0, nil)
	var last [2]atomic.Int64
	var done atomic.Bool
	var writers, all sync.WaitGroup
	for i, k := range keys {
		writers.Go(func() {
			for v := 1; v <= rounds; v++ {
				e := made
				e.Value, e.Made = v, made.Made.Add(time.Duration(v))
				p.set(k, e)
				last[i].Store(int64(v))
			}
		})
		for range readers {
			all.Go(func() {
				for ok, more := true, true; ok && more; {
					more = !done.Load() // so that one Get begins after the last Set
					ok = p.readsSince(k, made.Made, int(last[i].Load()))
				}
			})
		}
	}
	writers.Wait()
	done.Store(true)
	all.Wait()
}

// readsSince checks that Get finds no entry that is older than value, or of two.
func (p *probe) readsSince(k string, made time.Time, value int) bool {
	e, ok := p.get(k)
	switch {
	case ok && e.Value < value:
		p.Errorf("cachetest: Get(%q) found the value %d after Set of %d had returned", k, e.Value, value)
		return false
	case ok && !e.Made.Round(0).Equal(made.Add(time.Duration(e.Value)).Round(0)):
		p.Errorf("cachetest: Get(%q) found parts of two entries", k)
		return false
	}
	return true
}

// getsFindNothingDeleted has two goroutines that set and delete keys of their own, each time
// beside another that gets the key, and two that change other keys.
func getsFindNothingDeleted(p *probe) {
	var all sync.WaitGroup
	for i := range 2 {
		k := "owned " + strconv.Itoa(i)
		all.Go(func() {
			for v := range rounds {
				p.set(k, entry(v, nil))
				var beside sync.WaitGroup
				beside.Go(func() { p.get(k) })
				p.delete(k)
				beside.Wait()
				if _, ok := p.get(k); ok {
					p.Errorf("cachetest: Get(%q) found an entry after Delete had returned", k)
					return
				}
			}
		})
		all.Go(func() {
			for v := range rounds {
				other := strconv.Itoa(v % 40)
				p.set(other, entry(v, nil))
				p.delete(other)
			}
		})
	}
	all.Wait()
}
