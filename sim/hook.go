package sim

import "context"

// hooked is something that a context's end reaches.
type hooked struct {
	by   interface{ ended() }
	done <-chan struct{} // of a context whose end is looked for; nil in the list of a source
}

// await waits until p is woken, or ctx ends.
func (p *proc) await(ctx context.Context) {
	p.e.hook(ctx, &p.hook)
	p.park()
	p.hook.leave()
}

// hook makes the end of ctx reach the owner of k, at that instant. Contexts of this package
// call it. The others are those that package context derived and a policy cancels, such as
// a hedge's attempts: endForeign looks at them.
func (e *engine) hook(ctx context.Context, k *link[hooked]) {
	done := ctx.Done()
	if done == nil {
		return
	}
	// context.WithoutCancel keeps the source among the values, and not its end.
	if s, ok := ctx.Value(sourceKey{}).(*source); ok && s.e == e && s.Done() == done {
		k.owner.done = nil
		s.hooks.push(k)
		return
	}
	k.owner.done = done
	e.foreign.push(k)
}

// endForeign reaches the owners of those foreign contexts that have ended since the last
// look. It reports whether there were any.
func (e *engine) endForeign() bool {
	found := false
	for k := e.foreign.first; k != nil; {
		next := k.next
		select {
		case <-k.owner.done:
			found = true
			k.leave()
			k.owner.by.ended()
			if next != nil && next.in != &e.foreign { // the end of one context took another out of the list
				next = e.foreign.first
			}
		default:
		}
		k = next
	}
	return found
}
