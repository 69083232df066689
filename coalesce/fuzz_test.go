package coalesce_test

import "testing"

// FuzzSchedule plays a schedule of two bytes per step in a coalesce and in its model: calls
// with and without deadlines, callers that leave, functions that end in any way, keys that
// are forgotten, and time.
func FuzzSchedule(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 4, 0})                   // a flight of two
	f.Add([]byte{0, 0, 0, 0, 3, 0, 3, 1, 4, 0})       // both leave
	f.Add([]byte{0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 4, 0}) // a late flight beside its successor
	f.Add([]byte{0, 0, 6, 0, 0, 0, 4, 0, 4, 0})       // a forgotten one
	f.Add([]byte{2, 0, 2, 6, 0, 9, 3, 2, 7, 2, 7, 2}) // deadlines that move
	f.Add([]byte{0, 0, 0, 0, 4, 32, 0, 0, 0, 0, 4, 40})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 400 {
			return
		}
		inBubble(t, func(t *testing.T) {
			p := newPlays(t)
			defer p.release()
			for n := 0; n+1 < len(steps); n += 2 {
				p.step(int(steps[n]), int(steps[n+1]))
			}
			p.end()
		})
	})
}
