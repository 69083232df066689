package sim

// event is something that happens at a time. It is part of what happens, so that it costs
// no allocation of its own.
type event struct {
	at, seq int64
	place   int // in the heap, from 1; 0 if it is not there
	task    task
}

// task is what an event does. It must not wait: only coroutines do.
type task interface{ fire() }

// heap holds events in the order of (at, seq). Each node has four children: fewer levels,
// and less memory to touch, than with two.
type heap struct{ events []*event }

const children = 4

func (h *heap) first() *event {
	if len(h.events) == 0 {
		return nil
	}
	return h.events[0]
}

func before(a, b *event) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

func (h *heap) put(e *event, i int) { h.events[i], e.place = e, i+1 }

func (h *heap) push(e *event) {
	h.events = append(h.events, e)
	h.up(e, len(h.events)-1)
}

// remove takes e out, and reports whether it was there.
func (h *heap) remove(e *event) bool {
	if e.place == 0 {
		return false
	}
	i, last := e.place-1, len(h.events)-1
	moved := h.events[last]
	h.events[last] = nil
	h.events = h.events[:last]
	e.place = 0
	if i == last {
		return true
	}
	if i > 0 && before(moved, h.events[(i-1)/children]) {
		h.up(moved, i)
	} else {
		h.down(moved, i)
	}
	return true
}

func (h *heap) up(e *event, i int) {
	for i > 0 {
		parent := (i - 1) / children
		if !before(e, h.events[parent]) {
			break
		}
		h.put(h.events[parent], i)
		i = parent
	}
	h.put(e, i)
}

func (h *heap) down(e *event, i int) {
	for {
		least := i*children + 1
		if least >= len(h.events) {
			break
		}
		end := min(least+children, len(h.events))
		for c := least + 1; c < end; c++ {
			if before(h.events[c], h.events[least]) {
				least = c
			}
		}
		if !before(h.events[least], e) {
			break
		}
		h.put(h.events[least], i)
		i = least
	}
	h.put(e, i)
}
