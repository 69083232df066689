package gate

import (
	atomic "github.com/ductile-go/ductile/internal/atomicx"
)

// Cell holds free places in one word: the number of admissions times one, plus the number
// of free places, minus shut if the cell is shut. Both parts are terms of one sum, so
// adding to one leaves the other unchanged, even if the second is negative.
//
// The second part is positive exactly if the cell has a free place and is not shut, so
// one comparison checks both. It is negative while more calls run than a lowered limit
// allows. A take is a compare-and-swap of the whole word, so it fails if the cell was
// shut, emptied or lowered meanwhile.
type Cell struct {
	word atomic.Int64
	// halves counts how often the admissions have crossed half of their range in the word.
	// It is written after the word, so it may be one behind.
	halves atomic.Int64
	_      [48]byte // fill the cache line: two cells on one line would contend like one
}

const (
	partBits  = 34 // free places: 31 bits, a sign, and room for shut
	one       = int64(1) << partBits
	countBits = 64 - partBits
	shut      = int64(1) << 32 // more than the largest number of places
	taking    = one - 1        // one admission more, one place less
)

// places returns the second part of a word.
func places(w int64) int64 { return w << countBits >> countBits }

// isFree reports whether a cell with the word w has a place to take.
func isFree(w int64) bool { return w<<countBits > 0 }

// isShut reports whether a cell with the word w is shut.
func isShut(w int64) bool { return w<<countBits < -(shut/2)<<countBits }

// count returns the first part of a word, modulo 2^countBits.
func count(w int64) int64 { return int64(uint64(w-places(w)) >> partBits) }

// take takes a place if one is free, and returns how many are left.
func (c *Cell) take() (ok bool, left int64) {
	for {
		w := c.word.Load()
		if !isFree(w) {
			return false, 0
		}
		if c.word.CompareAndSwap(w, w+taking) {
			c.crossing(w, w+taking)
			return true, places(w) - 1
		}
	}
}

// crossing counts an admission that makes the count cross half of its range.
func (c *Cell) crossing(from, to int64) {
	if (count(from)^count(to))>>(countBits-1) != 0 {
		c.halves.Add(1)
	}
}

// admit counts an admission whose place was already taken.
func (c *Cell) admit() {
	w := c.word.Add(one)
	c.crossing(w-one, w)
}

// shutDown shuts the cell, and returns the number of its free places.
func (c *Cell) shutDown() int64 { return places(c.word.Add(-shut)) + shut }

// admitted returns the number of admissions.
func (c *Cell) admitted() int64 {
	_, n := c.look()
	return n
}

// look returns the word, and the number of admissions at that moment. It loads halves
// first: a value written after the load of the word would be mistaken for a crossing that
// the word shows.
func (c *Cell) look() (w, admitted int64) {
	halves := c.halves.Load()
	w = c.word.Load()
	n := count(w)
	if halves&1 != n>>(countBits-1) {
		halves++ // the crossing is in the word, but not yet in halves
	}
	return w, halves>>1<<countBits + n
}
