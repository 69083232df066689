package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/retry"
)

// The errors of requests. They do not match policy.ErrRejected: to the policies they are
// failures of the service.
var (
	ErrDown  = errors.New("sim: the service is down")
	ErrFull  = errors.New("sim: the service's queue is full")
	ErrFault = errors.New("sim: the service failed") // by Fault.Errors
)

// host is a service.
type host struct {
	*Service
	name     string
	world    *world
	random   stream
	draw     func() float64 // from random
	replicas []*replica
	turn     int // of RoundRobin
	points   []ServicePoint
}

func (w *world) newHost(s *Service) *host {
	h := &host{Service: s, name: s.Name, world: w, random: stream{w.engine.random("service " + s.Name)}}
	h.draw = h.random.Float64
	h.points = make([]ServicePoint, len(w.record.bins))
	for i := range s.Replicas {
		h.replicas = append(h.replicas, &replica{host: h, trouble: untroubled, owner: w.newOwner("service", s.Name, i+1)})
	}
	return h
}

func (h *host) point() *ServicePoint { return &h.points[h.world.record.second(h.world.engine.now)] }

// pick returns the replica for the next request.
func (h *host) pick() *replica {
	switch {
	case len(h.replicas) == 1:
		return h.replicas[0]
	case h.Balance == Random:
		return h.replicas[h.random.IntN(len(h.replicas))]
	case h.Balance == LeastRequests:
		return h.least()
	}
	h.turn++
	return h.replicas[(h.turn-1)%len(h.replicas)]
}

// least returns the replica with the fewest requests, by chance if there are several:
// otherwise the first would get most of the requests while there are few.
func (h *host) least() *replica {
	var best *replica
	ties := 0
	for _, r := range h.replicas {
		switch {
		case best == nil || r.inside < best.inside:
			best, ties = r, 1
		case r.inside == best.inside:
			if ties++; h.random.IntN(ties) == 0 {
				best = r
			}
		}
	}
	return best
}

// request sends a request on the running coroutine and waits for the answer.
func (h *host) request(ctx context.Context, c *call) error {
	e := h.world.engine
	p := e.current("Call")
	e.step()
	if ctx.Err() != nil {
		return policy.Ended(ctx)
	}
	r := h.pick()
	r.inside++
	defer r.leave()
	if r.partition {
		return p.forever(ctx)
	}
	h.world.record.bin(e.now).requests++
	h.point().Requests++
	switch {
	case r.down:
		return r.refusal(ErrDown)
	case r.hang:
		return p.forever(ctx)
	case h.Handler != nil:
		return r.handle(ctx, p)
	}
	return r.serve(ctx, p, c)
}

// refusal returns the error of a request that is not taken, with the service's hint.
func (h *host) refusal(err error) error {
	if h.RetryAfter > 0 {
		return retry.After(err, h.RetryAfter)
	}
	return err
}

// forever waits until ctx ends.
func (p *proc) forever(ctx context.Context) error {
	for ctx.Err() == nil {
		p.await(ctx)
	}
	return policy.Ended(ctx)
}

// served records that a request was worked on to the end.
func (h *host) served(wasted bool) {
	b, p := h.world.record.bin(h.world.engine.now), h.point()
	b.served++
	p.Served++
	if wasted {
		b.wasted++
		p.Wasted++
	}
}

// call calls the services behind this one, through the policies of r.
func (h *host) call(r *replica, c *call) error {
	behind := &call{world: h.world, owner: r.owner, key: c.key, priority: c.priority}
	for _, name := range h.Calls {
		next := h.world.hosts[name]
		attempt := func(ctx context.Context) (any, error) { return answer, next.request(ctx, behind) }
		if err := r.owner.do(behind, attempt); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// answer is the value of each successful call.
var answer any = struct{}{}

// do runs one call through the policies of o.
func (o *owner) do(ctx context.Context, attempt policy.Func[any]) error {
	var err error
	if o.pipeline == nil {
		_, err = attempt(ctx)
	} else {
		_, err = o.pipeline.Do(ctx, attempt)
	}
	return err
}
