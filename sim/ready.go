package sim

// ready holds the coroutines that go on at the present instant, in the order in which
// they were woken.
type ready struct {
	ring  []*proc // its length is a power of two
	head  int
	count int
}

func (r *ready) push(p *proc) {
	if r.count == len(r.ring) {
		wider := make([]*proc, max(16, 2*len(r.ring)))
		for i := range r.count {
			wider[i] = r.ring[(r.head+i)&(len(r.ring)-1)]
		}
		r.ring, r.head = wider, 0
	}
	r.ring[(r.head+r.count)&(len(r.ring)-1)] = p
	r.count++
}

func (r *ready) first() *proc {
	if r.count == 0 {
		return nil
	}
	return r.ring[r.head]
}

func (r *ready) pop() {
	r.ring[r.head] = nil
	r.head = (r.head + 1) & (len(r.ring) - 1)
	r.count--
}
