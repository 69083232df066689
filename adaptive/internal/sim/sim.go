// Package sim simulates limiters in front of a server, in virtual time and from a seed. It
// is a simulation of events on one goroutine: 300 seconds take less than one.
package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Limiter is a limiter under test. It gets the time, so that it need not have a clock.
type Limiter interface {
	// Enter admits a call, or returns false.
	Enter(now time.Duration) (leave func(now time.Duration, failed bool), ok bool)
	Limit() int
}

// Class is a kind of calls.
type Class struct {
	Share   float64       // of all calls
	Service time.Duration // mean
	Sigma   float64       // of the lognormal distribution of service times; 0 means constant
}

// Server is what the calls go to: workers that take calls in the order of arrival.
type Server struct {
	Workers int // 0 means that no call ever waits for a worker
	Classes []Class
	// Every so often all workers stop for a time, as for a garbage collection.
	PauseEvery, Pause time.Duration
	// A server that sheds load fails the calls beyond so many at a time, after 1 ms. 0 means
	// that it does not.
	Shed int
}

// Phase is a part of a scenario.
type Phase struct {
	Until  time.Duration
	Server Server
	Rate   float64 // calls a second that arrive, evenly over the clients
}

// Row is what happened in one interval.
type Row struct {
	At     time.Duration
	Limits []int // at the end, one for each client
	// A second: calls that succeeded, that the limiters rejected, and that the server shed.
	Served, Rejected, Shed float64
	Mean, P99              time.Duration
}

// Limit returns the sum of the limits.
func (r Row) Limit() (sum int) {
	for _, l := range r.Limits {
		sum += l
	}
	return sum
}

// Run runs the phases with a limiter for each client, and returns a row for each interval.
func Run(seed uint64, every time.Duration, phases []Phase, clients ...Limiter) []Row {
	r := &run{rnd: rand.New(rand.NewPCG(seed, 7)), clients: clients, every: every}
	for _, p := range phases {
		r.phase = p
		r.staff()
		r.play()
	}
	r.advance(r.phase.Until)
	return r.rows
}

type run struct {
	now     time.Duration
	rnd     *rand.Rand
	phase   Phase
	clients []Limiter

	ending events  // the calls that a worker has taken, by their ends
	queue  []*call // those that wait for a worker
	busy   int
	in     int // calls that the server has accepted

	every            time.Duration
	rows             []Row
	latencies        []float64
	rejected, failed int
}

type call struct {
	at      time.Duration // when it ends, once a worker has taken it
	begun   time.Duration
	service time.Duration
	shed    bool
	leave   func(now time.Duration, failed bool)
}

// play plays a phase: arrivals and ends of calls, in the order of time.
func (r *run) play() {
	for {
		arrival := r.now + time.Duration(r.rnd.ExpFloat64()/r.phase.Rate*1e9) + 1
		for len(r.ending) > 0 && r.ending[0].at <= min(arrival, r.phase.Until) {
			r.end(r.ending.pop())
		}
		if arrival >= r.phase.Until {
			r.advance(r.phase.Until)
			return
		}
		r.advance(arrival)
		r.arrive()
	}
}

// advance moves the time, and ends the intervals on the way.
func (r *run) advance(to time.Duration) {
	for next := time.Duration(len(r.rows)+1) * r.every; next <= to; next += r.every {
		r.row(next)
	}
	r.now = to
}

func (r *run) arrive() {
	client := r.clients[r.rnd.IntN(len(r.clients))]
	leave, ok := client.Enter(r.now)
	if !ok {
		r.rejected++
		return
	}
	c := &call{begun: r.now, service: r.service(), leave: leave}
	if most := r.phase.Server.Shed; most > 0 && r.in >= most {
		c.at, c.shed = r.now+time.Millisecond, true
		r.ending.push(c)
		return
	}
	r.in++
	r.queue = append(r.queue, c)
	r.staff()
}

// service draws a service time.
func (r *run) service() time.Duration {
	classes := r.phase.Server.Classes
	class := classes[0]
	for at := r.rnd.Float64(); len(classes) > 1 && at >= class.Share; class = classes[0] {
		at -= class.Share
		classes = classes[1:]
	}
	if class.Sigma == 0 {
		return class.Service
	}
	factor := math.Exp(class.Sigma*r.rnd.NormFloat64() - class.Sigma*class.Sigma/2)
	return time.Duration(float64(class.Service)*factor) + 1
}

// staff gives calls to free workers.
func (r *run) staff() {
	workers := r.phase.Server.Workers
	for len(r.queue) > 0 && (workers == 0 || r.busy < workers) {
		c := r.queue[0]
		r.queue = r.queue[1:]
		r.busy++
		c.at = r.now + r.worked(c.service)
		r.ending.push(c)
	}
}

// worked returns how long work takes that begins now, with the pauses in between.
func (r *run) worked(work time.Duration) (took time.Duration) {
	every, pause := r.phase.Server.PauseEvery, r.phase.Server.Pause
	if every == 0 {
		return work
	}
	at := r.now
	for {
		into := at % every // a period begins with its pause
		if into < pause {
			at += pause - into
			into = pause
		}
		if work <= every-into {
			return at + work - r.now
		}
		work -= every - into
		at += every - into
	}
}

func (r *run) end(c *call) {
	r.advance(c.at)
	if c.shed {
		r.failed++
		c.leave(r.now, true)
		return
	}
	r.busy--
	r.in--
	r.latencies = append(r.latencies, (r.now - c.begun).Seconds())
	c.leave(r.now, false)
	r.staff()
}

func (r *run) row(at time.Duration) {
	seconds := r.every.Seconds()
	row := Row{
		At: at, Served: float64(len(r.latencies)) / seconds,
		Rejected: float64(r.rejected) / seconds, Shed: float64(r.failed) / seconds,
	}
	for _, l := range r.clients {
		row.Limits = append(row.Limits, l.Limit())
	}
	if n := len(r.latencies); n > 0 {
		slices.Sort(r.latencies)
		sum := 0.0
		for _, l := range r.latencies {
			sum += l
		}
		row.Mean = time.Duration(sum / float64(n) * 1e9)
		row.P99 = time.Duration(r.latencies[n*99/100] * 1e9)
	}
	r.rows = append(r.rows, row)
	r.latencies, r.rejected, r.failed = r.latencies[:0], 0, 0
}
