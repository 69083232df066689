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

// link is a place in a list. It is part of its owner.
type link[T any] struct {
	prev, next *link[T]
	in         *chain[T]
	owner      T
}

// chain is a list of owners that can leave it from any place.
type chain[T any] struct {
	first, last *link[T]
	n           int
}

func (l *chain[T]) push(k *link[T]) {
	k.in, k.prev, k.next = l, l.last, nil
	if l.last == nil {
		l.first = k
	} else {
		l.last.next = k
	}
	l.last = k
	l.n++
}

// leave takes k out of its list, if it is in one.
func (k *link[T]) leave() {
	l := k.in
	if l == nil {
		return
	}
	if k.prev == nil {
		l.first = k.next
	} else {
		k.prev.next = k.next
	}
	if k.next == nil {
		l.last = k.prev
	} else {
		k.next.prev = k.prev
	}
	l.n--
	k.in, k.prev, k.next = nil, nil, nil
}
