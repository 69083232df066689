package explore

// running is the current exploration, for Wait.
var running *explorer

// Wait stops a thread until ready, which reads the given place, returns true. Outside of an
// exploration it returns at once.
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

// canGoOn reports whether a thread can continue: it has not ended and does not wait.
func (t *thread) canGoOn() bool { return t != nil && (t.next.ready == nil || t.next.ready()) }
