package sim

import "time"

// LowerCrowdMost lowers the number of coroutines that may be in progress.
func LowerCrowdMost(n int) (restore func()) {
	was := crowdMost
	crowdMost = n
	return func() { crowdMost = was }
}

// ShortenLooks shortens the time between two looks of the watchdog.
func ShortenLooks(d time.Duration) (restore func()) {
	was := lookPeriod
	lookPeriod = d
	return func() { lookPeriod = was }
}

// LowerStillMost lowers the number of steps at one instant.
func LowerStillMost(n int64) (restore func()) {
	was := stillMost
	stillMost = n
	return func() { stillMost = was }
}
