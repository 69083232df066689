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

// reopen opens the main cell if the last waiter has left. The caller holds mu.
func (g *Gate) reopen() {
	if g.queueing && g.queue.n == 0 {
		g.queueing = false
		g.main.word.Add(shut)
	}
}

// SetLimit changes how many calls may run at a time; n is at least 1. A higher limit
// admits waiting calls at once. A limit below the number of running calls interrupts none
// of them, and admits no call until enough of them have ended.
func (g *Gate) SetLimit(n int) {
	g.mu.Lock()
	g.gather() // otherwise calls could take places from cells beyond the new limit
	if n != int(g.limit.Load()) {
		g.full.Store(&Full{Name: g.cfg.Name, Limit: n, MaxQueue: g.maxQueue})
	}
	// One add suffices: the word holds the free places, so no call can be admitted by a
	// stale limit.
	g.main.word.Add(int64(n) - g.limit.Load())
	g.limit.Store(int64(n))
	grants := g.handOver()
	g.mu.Unlock()
	grants.wake()
}
