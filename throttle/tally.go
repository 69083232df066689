package throttle

import (
	"github.com/ductile-go/ductile/internal/counter"
	"github.com/ductile-go/ductile/internal/window"
)

// bucket counts the requests of a tenth of the window. A request is counted by one
// addition, and so with its outcome and in one bucket. If it were counted at its start and
// accepted at its end, slow calls would look like failures until they end, and the two
// counts would leave the window at different times.
type bucket struct {
	others   counter.Counter // requests that were not accepted: failed, or rejected here
	accepted counter.Counter // last, since it is written most
}

// tally is a config, with the requests of its window. Two configs with windows of one length
// share the ring.
type tally struct {
	cfg  Config // with its defaults
	ring *window.Ring[bucket]
}

func newTally(cfg Config, clock window.Clock) *tally {
	t := &tally{cfg: cfg, ring: new(window.Ring[bucket])}
	t.ring.Init(cfg.Window/window.Buckets, clock)
	return t
}

// totals are the requests of a window.
type totals struct {
	others, accepted int64
	// calm reports whether no call would be rejected, now or later, if from now on only
	// accepts are counted.
	calm bool
}

func (s totals) requests() int64 { return s.others + s.accepted }

// excess returns the requests beyond k for each accept; above 0, calls are rejected.
func (s totals) excess(k float64) float64 {
	excess := float64(s.requests()) - k*float64(s.accepted)
	if excess < rounding {
		return 0
	}
	return excess
}

// rounding is more than the error of the product: 1.15 x 100 is not less than 115.
const rounding = 1e-9

// sum returns the totals of the window that ends now.
//
// It reads the requests that were not accepted first, in every bucket, and the accepts
// after them. In the other order, calls that end in between would be in the totals with
// their failures and without their accepts, and calls would be rejected at a rate that
// there never was.
func (t *tally) sum(now int64) totals {
	var room [window.Buckets]*window.Bucket[bucket]
	var byAge [window.Buckets]totals
	epoch := t.ring.Epoch(now)
	live := t.ring.AppendLive(room[:0], epoch)
	s := totals{calm: true}
	for _, b := range live {
		byAge[age(epoch, b)].others += b.Counts.others.Load()
		s.calm = s.calm && b.Epoch <= epoch // buckets ahead of the clock are not told apart by age
	}
	for _, b := range live {
		byAge[age(epoch, b)].accepted += b.Counts.accepted.Load()
	}
	// As time passes, the window loses its oldest buckets. So it holds, at any later time,
	// the newest few of today's buckets, and it is calm if none of these sums has an excess.
	for i := range byAge {
		s.others += byAge[i].others
		s.accepted += byAge[i].accepted
		s.calm = s.calm && s.excess(t.cfg.K) <= 0
	}
	return s
}

// age returns how many buckets before epoch b is, and 0 for a bucket after epoch: the clock
// was read a while ago, or set back.
func age(epoch int64, b *window.Bucket[bucket]) int64 { return max(0, epoch-b.Epoch) }
