package gate

// handOver grants free places to the head of the queue. When it grants the last waiter's
// place, it opens the main cell. The caller holds mu, and the gate is not spread.
func (g *Gate) handOver() (grants woken) {
	for g.queue.n > 0 {
		w := g.main.word.Load()
		if places(w)+shut <= 0 {
			break
		}
		next := w - 1
		if g.queue.n == 1 {
			next += shut
		}
		if !g.main.word.CompareAndSwap(w, next) {
			continue // a place was returned meanwhile
		}
		x := g.queue.next()
		g.unqueue(x, granted)
		g.queueing = g.queue.n > 0
		grants.push(x)
	}
	return grants
}

// unqueue removes w from the queue. The caller holds mu.
func (g *Gate) unqueue(w *waiter, state uint8) {
	g.queue.remove(w)
	g.waits.Store(int64(g.queue.n))
	w.state = state
}

// reopen opens the main cell if the waiter that has just left was the last. The caller holds
// mu.
func (g *Gate) reopen() {
	if g.queue.n == 0 {
		g.queueing = false
		g.main.word.Add(shut)
	}
}
