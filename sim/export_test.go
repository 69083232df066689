package sim

// LowerCrowdMost lowers the number of coroutines that may be in progress.
func LowerCrowdMost(n int) (restore func()) {
	was := crowdMost
	crowdMost = n
	return func() { crowdMost = was }
}

// LowerStillMost lowers the number of steps at one instant.
func LowerStillMost(n int64) (restore func()) {
	was := stillMost
	stillMost = n
	return func() { stillMost = was }
}
