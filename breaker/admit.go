package breaker

// Acquire admits a call or refuses it with an *[OpenError]. When an admitted call has ended,
// its permit must be given to Record; a half-open circuit holds its place until then. Most
// callers want [Do] or a [Breaker], which do that.
func (c *Circuit) Acquire() (Permit, error) {
	var a admission
	for {
		switch moved, refused := c.admit(&a, false); {
		case moved != nil: // to half-open: ask again, for a permit
		case refused != nil:
			return Permit{}, refused
		default:
			return Permit{admission: a}, nil
		}
	}
}

// admit admits a call and fills in a, or refuses it. If it makes the move from open to
// half-open, it returns the generation that it moved to and has decided nothing else. If
// timed, it also measures the start of the call where the circuit reads the clock at the
// end of each call anyway.
func (c *Circuit) admit(a *admission, timed bool) (moved *generation, refused *OpenError) {
	for {
		g := c.gen.Load()
		switch g.state {
		case Closed:
			c.begin(a, g, timed)
			return nil, nil
		case Open:
			now, due := g.due()
			if !due {
				return nil, g.refuse(a)
			}
			if moved := c.move(g, step{to: HalfOpen, at: now, why: recoveryElapsed}); moved != nil {
				return moved, nil
			}
		case HalfOpen:
			c.begin(a, g, timed) // first: if the user's clock panics, no permit is out
			round, ok := g.shut.probation.take(g)
			if !ok {
				g.root.rejected.Inc()
				return nil, g.refuse(a)
			}
			// Look again: if the circuit has opened meanwhile, this permit would admit a
			// call that the circuit refuses by now.
			if c.gen.Load().root == g.root {
				a.round = round
				return nil, nil
			}
			g.shut.probation.giveBack(round)
		default:
			g.root.rejected.Inc()
			return nil, g.refuse(a)
		}
	}
}

// begin fills in a for a call that g has admitted.
func (c *Circuit) begin(a *admission, g *generation, timed bool) {
	a.gen, a.started = g, unmeasured
	if g.rules.cold.SlowCall > 0 || timed && g.times != nil {
		a.started = c.time.Now()
	}
}

// refuse returns the error for a call that g does not admit. In shadow it returns nil, and
// a is of a call that does not count.
func (g *generation) refuse(a *admission) *OpenError {
	if r := &g.shut.rejection; !r.lenient {
		return r
	}
	*a = admission{gen: g, started: unmeasured, free: true}
	return nil
}
