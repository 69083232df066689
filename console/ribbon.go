package console

import (
	"strconv"
	"strings"
	"time"

	"github.com/ductile-go/ductile/breaker"
)

// The ribbon of a circuit is its last 15 minutes, in cells of 10 s.
const (
	ribbonCells = 90
	ribbonCell  = 10 * time.Second
)

// ribbon holds for each cell the states that the circuit was in. So it has one size, however
// often the circuit moves.
type ribbon struct {
	cells [ribbonCells]uint8 // a bit for each state; 0 before the console began
	cell  int64              // the number of the newest cell, by the clock
	begun bool
	state breaker.State
}

// begin fills the ribbon with the state that the circuit has had since a time, unless it
// has moved already.
func (r *ribbon) begin(s breaker.State, since, now time.Time) {
	if r.begun {
		return
	}
	r.begun, r.cell, r.state = true, cellOf(now), s
	for i := range min(ribbonCells, max(1, r.cell-cellOf(since)+1)) {
		*r.at(r.cell - i) = 1 << s
	}
}

// move notes that the circuit is in s from now on.
func (r *ribbon) move(s breaker.State, now time.Time) {
	if !r.begun {
		r.begun, r.cell, r.state = true, cellOf(now), s
	}
	r.advance(now)
	r.state = s
	*r.at(r.cell) |= 1 << s
}

// advance fills the cells up to now with the state that has lasted. If the clock was set
// back, the newest cell goes on; if by more than the ribbon shows, it begins anew, since
// otherwise it would show nothing new for as long.
func (r *ribbon) advance(now time.Time) {
	cell := cellOf(now)
	if cell <= r.cell-ribbonCells {
		r.cells, r.cell = [ribbonCells]uint8{}, cell-1
	}
	for n := max(r.cell+1, cell-ribbonCells+1); n <= cell; n++ {
		*r.at(n) = 1 << r.state
	}
	r.cell = max(r.cell, cell)
}

func (r *ribbon) at(cell int64) *uint8 {
	return &r.cells[(cell%ribbonCells+ribbonCells)%ribbonCells]
}

func cellOf(t time.Time) int64 { return t.UnixNano() / int64(ribbonCell) }

// letters of the states, the worst first. A cell shows the worst of its states.
var letters = []struct {
	state  breaker.State
	letter byte
}{{breaker.Isolated, 'i'}, {breaker.Open, 'o'}, {breaker.HalfOpen, 'h'}, {breaker.Closed, 'c'}}

// text returns the cells, the oldest first, as letters with the length of their run:
// "-80c7o3". A dash is a time that the console does not know.
func (r *ribbon) text(now time.Time) string {
	r.advance(now)
	var b strings.Builder
	last, run := byte(0), 0
	flush := func() {
		if run > 0 {
			b.WriteByte(last)
			b.WriteString(strconv.Itoa(run))
		}
	}
	for n := r.cell - ribbonCells + 1; n <= r.cell; n++ {
		letter := letterOf(*r.at(n))
		if letter != last {
			flush()
			last, run = letter, 0
		}
		run++
	}
	flush()
	return b.String()
}

func letterOf(states uint8) byte {
	for _, l := range letters {
		if states&(1<<l.state) != 0 {
			return l.letter
		}
	}
	return '-'
}
