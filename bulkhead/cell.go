package bulkhead

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// cell holds free places, in one word: how many admissions it has counted, times one,
// plus the number of its free places, less shut if it is shut. Both parts are numbers of
// one sum, so that adding to one of them leaves the other as it is, even where the second
// is below 0.
//
// The second part is more than 0 exactly if there is a place to take and the cell is not
// shut, so one comparison tells both. It is below 0 while more calls run than a lowered
// limit allows. A take is a compare-and-swap of the whole word, so it fails if the cell
// was shut, emptied or lowered meanwhile.
type cell struct {
	word atomic.Int64
	// halves is how often the admissions have gone through half of the range that the
	// word has for them. It is written after the word, so it may be one behind.
	halves atomic.Int64
	_      [48]byte // on a shared cache line, two cores with a cell each would fight as over one
}

const (
	partBits  = 34 // free places: 31 bits, a sign, and room for shut
	one       = int64(1) << partBits
	countBits = 64 - partBits
	shut      = int64(1) << 32 // more than there can be places
	taking    = one - 1        // an admission more, a place less
)

// places returns the second part of a word.
func places(w int64) int64 { return w << countBits >> countBits }

// isFree reports whether a cell with the word w has a place to take.
func isFree(w int64) bool { return w<<countBits > 0 }

// isShut reports whether a cell with the word w is shut.
func isShut(w int64) bool { return w<<countBits < -(shut/2)<<countBits }

// count returns the first part of a word, modulo 2^countBits.
func count(w int64) int64 { return int64(uint64(w-places(w)) >> partBits) }

// take takes a place if one is free.
func (c *cell) take() bool {
	for {
		w := c.word.Load()
		if !isFree(w) {
			return false
		}
		if c.word.CompareAndSwap(w, w+taking) {
			c.crossing(w, w+taking)
			return true
		}
	}
}

// crossing notes an admission with which the count goes through half of its range.
func (c *cell) crossing(from, to int64) {
	if (count(from)^count(to))>>(countBits-1) != 0 {
		c.halves.Add(1)
	}
}

// admit counts an admission whose place was taken before.
func (c *cell) admit() {
	w := c.word.Add(one)
	c.crossing(w-one, w)
}

// shutDown shuts the cell, and returns how many free places it had.
func (c *cell) shutDown() int64 { return places(c.word.Add(-shut)) + shut }

// admitted returns how many admissions have been counted.
func (c *cell) admitted() int64 {
	_, n := c.look()
	return n
}

// look returns the word, and how many admissions have been counted by then. Halves is
// read first: one that was written after the word was read would be taken for a crossing
// that the word shows.
func (c *cell) look() (w, admitted int64) {
	halves := c.halves.Load()
	w = c.word.Load()
	n := count(w)
	if halves&1 != n>>(countBits-1) {
		halves++ // the admission that crossed has yet to note it
	}
	return w, halves>>1<<countBits + n
}
