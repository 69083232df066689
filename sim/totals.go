package sim

import "time"

// Totals are sums over a stretch of time. Calls, Succeeded and times are of the calls that
// began in the stretch; the others are of requests in the stretch.
type Totals struct {
	Calls, Succeeded int64
	// Requests are those that reached a service, and Served those that were worked on to the
	// end. Wasted are those of Served whose caller had gone, or did not get the answer.
	Requests, Served, Wasted int64
	// Times of the calls that ended, failed ones included; 0 if there are none. P50 and P99 are
	// at most 9.1 % above the true quantile, and not above the longest time.
	Mean, P50, P99 time.Duration

	open int64 // calls of the last second of the run that had not ended
}

// Success returns the share of the calls that succeeded, 1 if there were none. A call that
// had not ended at the end of the run did not succeed, unless it began in the last second:
// then it is left out, because its outcome is not known.
func (t Totals) Success() float64 { return share(t.Succeeded, max(t.Calls-t.open, min(t.Calls, 1))) }

// Amplification returns the requests per call, 0 without calls. A chain of services makes
// several requests for each call.
func (t Totals) Amplification() float64 { return load(t.Requests, t.Calls) }

// Between returns the totals of all whole seconds that overlap [from, to).
func (r *Result) Between(from, to time.Duration) Totals {
	whole := time.Duration(len(r.seconds)) * time.Second // an int of 32 bits holds the seconds up to it
	from = min(max(0, from), whole)
	to = min(max(from, to), whole)
	first, last := int(from/time.Second), parts(to, time.Second)
	return totals(r.seconds[first:max(first, last)])
}

func totals(seconds []bin) Totals {
	var t Totals
	var sum time.Duration
	var times spread
	for i := range seconds {
		s := &seconds[i]
		t.Calls += s.calls
		t.Succeeded += s.succeeded
		t.Requests += s.requests
		t.Served += s.served
		t.Wasted += s.wasted
		t.open += s.open
		sum += s.sum
		times.merge(&s.times)
	}
	if n := times.count(); n > 0 {
		t.Mean = sum / time.Duration(n)
		t.P50, t.P99 = times.quantile(0.5), times.quantile(0.99)
	}
	return t
}
