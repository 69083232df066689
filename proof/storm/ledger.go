package storm

import (
	"fmt"
	"slices"
	"sync"
)

// numbered is the smallest value that a function returns. Each run returns a value of its own.
// Smaller values come from fallbacks.
const numbered = 1 << 20

// ledger notes the fate of each value: it was returned, discarded, late, or replaced by a
// fallback. Each value must have exactly one fate.
type ledger struct {
	mu    sync.Mutex
	fates map[int][]string
}

// born enters a value that a function returned.
func (l *ledger) born(v int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates[v] = nil
}

// enter notes the fate of a value.
func (l *ledger) enter(v int, fate string) {
	if v < numbered {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates[v] = append(l.fates[v], fate)
}

func (l *ledger) count(v int, fate string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.fates[v] {
		if f == fate {
			n++
		}
	}
	return n
}

// faults returns a fault for each value without a fate, or with more than one.
func (l *ledger) faults() (faults []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for v, fates := range l.fates {
		if len(fates) != 1 {
			faults = append(faults, fmt.Sprintf("value %d of call %d was %q, want one thing", v, v/numbered-1, fates))
		}
	}
	slices.Sort(faults)
	return faults
}
