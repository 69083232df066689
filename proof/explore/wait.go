package explore

// running is the exploration that is under way, for Wait.
var running *explorer

// Wait is for a thread that has to wait for another: it stops until ready, which is about
// the place given, returns true. Outside of an exploration it returns at once.
func Wait(place any, ready func() bool) {
	x := running
	if x == nil || x.current == nil {
		return
	}
	t := x.current
	x.current, t.next = nil, operation{place: place, ready: ready}
	if !t.yield(struct{}{}) {
		panic(givenUp{})
	}
	x.current = t
}

// canGoOn reports whether a thread has not ended and does not wait.
func (t *thread) canGoOn() bool { return t != nil && (t.next.ready == nil || t.next.ready()) }
