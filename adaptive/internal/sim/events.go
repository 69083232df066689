package sim

// events is a heap of calls, with the one that ends first at its root. container/heap takes
// twice as long.
type events []*call

func (e *events) push(c *call) {
	*e = append(*e, c)
	all, i := *e, len(*e)-1
	for i > 0 {
		parent := (i - 1) / 2
		if all[parent].at <= all[i].at {
			return
		}
		all[parent], all[i] = all[i], all[parent]
		i = parent
	}
}

func (e *events) pop() *call {
	all := *e
	first, n := all[0], len(all)-1
	all[0], all[n] = all[n], nil
	all = all[:n]
	*e = all
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < n; child++ {
			if all[child].at < all[least].at {
				least = child
			}
		}
		if least == i {
			return first
		}
		all[i], all[least] = all[least], all[i]
		i = least
	}
}
