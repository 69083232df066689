package sim

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
