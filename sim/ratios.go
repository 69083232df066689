package sim

// share returns a part of a whole, and 1 of nothing: no call has failed.
func share(part, whole int64) float64 {
	if whole <= 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// load returns requests per call, and 0 without calls.
func load(requests, calls int64) float64 {
	if calls <= 0 {
		return 0
	}
	return float64(requests) / float64(calls)
}
