package chart

import (
	"math"
	"strconv"
	"time"
)

// Axis is the range of one direction.
type Axis struct {
	Min, Max float64
	Log      bool // Min is above 0
	Ticks    []float64
	Label    func(v float64) string // nil writes the number
}

// Linear returns the axis from low to high or more, with about n ticks at round numbers.
func Linear(low, high float64, n int) Axis {
	if !(high > low) || math.IsInf(high-low, 0) {
		high = low + 1
	}
	step := niceStep((high - low) / float64(max(n, 1)))
	a := Axis{Min: math.Floor(low/step) * step, Max: math.Ceil(high/step-1e-9) * step}
	for i := 0; i <= 4*n+4; i++ {
		v := a.Min + float64(i)*step
		if v > a.Max+step/2 {
			break
		}
		a.Ticks = append(a.Ticks, v)
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	a.Label = func(v float64) string { return strconv.FormatFloat(v, 'f', decimals, 64) }
	return a
}

// niceStep returns the least of 1, 2 and 5 times a power of ten that is not below v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= v*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// Decades returns a logarithmic axis around low and high, which are above 0.
func Decades(low, high float64, label func(float64) string) Axis {
	low = max(low, 1e-12)
	high = max(high, low)
	a := Axis{Min: math.Pow(10, math.Floor(math.Log10(low)+1e-9)), Max: math.Pow(10, math.Ceil(math.Log10(high)-1e-9)), Log: true, Label: label}
	if a.Max <= a.Min {
		a.Max = a.Min * 10
	}
	for v := a.Min; v <= a.Max*1.001; v *= 10 {
		a.Ticks = append(a.Ticks, v)
	}
	for len(a.Ticks) > 6 {
		a.Ticks = everySecond(a.Ticks)
	}
	return a
}

func everySecond(all []float64) []float64 {
	var half []float64
	for i := 0; i < len(all); i += 2 {
		half = append(half, all[i])
	}
	return half
}

// steps of time, at least one of which leaves few enough ticks.
var steps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// Time returns the axis from 0 to end, in seconds, with at most 7 ticks.
func Time(end time.Duration) Axis {
	end = max(end, time.Millisecond)
	step := 24 * time.Hour
	for _, s := range steps {
		if end/s <= 6 {
			step = s
			break
		}
	}
	for end/step > 6 {
		step *= 2
	}
	a := Axis{Max: end.Seconds()}
	for i := time.Duration(0); i <= end/step; i++ {
		a.Ticks = append(a.Ticks, (i * step).Seconds())
	}
	unit, by := "s", 1.0
	switch {
	case step%time.Hour == 0:
		unit, by = "h", 3600
	case step%time.Minute == 0:
		unit, by = "min", 60
	case step < time.Second:
		unit, by = "ms", 0.001
	}
	a.Label = func(v float64) string { return strconv.FormatFloat(v/by, 'f', 0, 64) + " " + unit }
	return a
}

// part returns where v lies between Min and Max, from 0 to 1.
func (a Axis) part(v float64) float64 {
	low, high := a.Min, a.Max
	if a.Log {
		low, high, v = math.Log(low), math.Log(high), math.Log(max(v, low))
	}
	if !(high > low) {
		return 0
	}
	return min(max((v-low)/(high-low), 0), 1)
}

func (a Axis) label(v float64) string {
	if a.Label == nil {
		return decimal(v)
	}
	return a.Label(v)
}

// bottomLabels writes the ticks of a horizontal axis below y.
func (a Axis) bottomLabels(w *Writer, y float64) {
	for _, v := range a.Ticks {
		at := a.part(v) * 100
		anchor := "middle"
		switch {
		case at < 3:
			anchor = "start"
		case at > 97:
			anchor = "end"
		}
		w.Raw(`<text class="t" x="%v%%" y="%v" text-anchor="%s">%s</text>`, at, y+15, anchor, a.label(v))
	}
}
