package sim

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Dist is a distribution of times. The zero Dist is always 0. It is immutable.
type Dist struct {
	sample func(random func() float64) time.Duration
	mean   time.Duration
	text   string
	wrong  string // what is wrong with its parameters, or ""
}

// Constant returns the distribution that is always d.
func Constant(d time.Duration) Dist {
	return Dist{
		sample: func(func() float64) time.Duration { return d },
		mean:   d, text: fmt.Sprintf("constant(%v)", d), wrong: positive("its time", d, 0),
	}
}

// Exponential returns the exponential distribution with the given mean: most times are
// shorter than the mean, and 1 % are more than 4.6 times as long.
func Exponential(mean time.Duration) Dist {
	return Dist{
		sample: func(random func() float64) time.Duration {
			return saturated(-float64(mean) * math.Log(1-random()))
		},
		mean: mean, text: fmt.Sprintf("exponential(mean %v)", mean), wrong: positive("its mean", mean, 0),
	}
}

// Lognormal returns the log-normal distribution with the given median and 99th percentile:
// the usual shape of the latencies of a service.
func Lognormal(median, p99 time.Duration) Dist {
	const z99 = 2.3263478740408408 // the 99th percentile of the standard normal distribution
	d := Dist{text: fmt.Sprintf("lognormal(median %v, p99 %v)", median, p99)}
	if d.wrong = positive("its median", median, 1); d.wrong == "" && p99 < median {
		d.wrong = fmt.Sprintf("its p99 is %v, want at least the median, %v", p99, median)
	}
	if d.wrong != "" {
		return d
	}
	sigma := math.Log(float64(p99)/float64(median)) / z99
	d.mean = saturated(float64(median) * math.Exp(sigma*sigma/2))
	d.sample = func(random func() float64) time.Duration {
		// Box and Muller, 1958. 1-random is never 0.
		normal := math.Sqrt(-2*math.Log(1-random())) * math.Cos(2*math.Pi*random())
		return saturated(float64(median) * math.Exp(sigma*normal))
	}
	return d
}

// Quantile is one point of a measured distribution: a Share of the times is at most Time.
type Quantile struct {
	Share float64 // 0 to 1
	Time  time.Duration
}

// FromTable returns the distribution with the given quantiles, in any order. Between two of
// them it is linear; below the first it begins at the first time, and above the last it
// ends at the last one. So a table should go from share 0 to share 1.
func FromTable(table ...Quantile) Dist {
	table = slices.Clone(table)
	slices.SortStableFunc(table, func(a, b Quantile) int {
		switch {
		case a.Share < b.Share:
			return -1
		case a.Share > b.Share:
			return 1
		}
		return 0
	})
	d := Dist{text: fmt.Sprintf("table(%d quantiles)", len(table)), wrong: tableFault(table)}
	if d.wrong != "" {
		return d
	}
	last := table[len(table)-1]
	mean := table[0].Share*float64(table[0].Time) + (1-last.Share)*float64(last.Time)
	for i, q := range table[1:] {
		mean += (q.Share - table[i].Share) * (float64(q.Time)/2 + float64(table[i].Time)/2)
	}
	d.mean = saturated(mean)
	d.sample = func(random func() float64) time.Duration { return lookUp(table, random()) }
	return d
}

func tableFault(table []Quantile) string {
	if len(table) == 0 {
		return "it is empty, want at least one quantile"
	}
	for i, q := range table {
		switch {
		case !(q.Share >= 0 && q.Share <= 1):
			return fmt.Sprintf("a share is %v, want 0 to 1", q.Share)
		case q.Time < 0:
			return fmt.Sprintf("a time is %v, want 0 or more", q.Time)
		case i > 0 && q.Time < table[i-1].Time:
			return fmt.Sprintf("the time of share %v is %v, want at least %v as for share %v", q.Share, q.Time, table[i-1].Time, table[i-1].Share)
		}
	}
	return ""
}

// lookUp returns the quantile of a share.
func lookUp(table []Quantile, share float64) time.Duration {
	i, _ := slices.BinarySearchFunc(table, share, func(q Quantile, share float64) int {
		if q.Share < share {
			return -1
		}
		return 1
	})
	switch i {
	case 0:
		return table[0].Time
	case len(table):
		return table[i-1].Time
	}
	a, b := table[i-1], table[i]
	return a.Time + time.Duration((share-a.Share)/(b.Share-a.Share)*float64(b.Time-a.Time))
}

// Mean returns the mean.
func (d Dist) Mean() time.Duration { return d.mean }

// String returns the kind and its parameters, such as "exponential(mean 10ms)", and "0" for
// the zero Dist.
func (d Dist) String() string {
	if d.text == "" {
		return "0"
	}
	return d.text
}

// draw returns a time of 0 or more.
func (d Dist) draw(random func() float64) time.Duration {
	if d.sample == nil {
		return 0
	}
	return d.sample(random)
}

func positive(what string, d, least time.Duration) string {
	if d < least {
		want := "0 or more"
		if least > 0 {
			want = "more than 0"
		}
		return fmt.Sprintf("%s is %v, want %s", what, d, want)
	}
	return ""
}

// saturated returns a duration that does not overflow.
func saturated(nanoseconds float64) time.Duration {
	if nanoseconds >= math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	return time.Duration(nanoseconds)
}
