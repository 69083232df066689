package sim

// LowerStillMost lowers the number of steps at one instant.
func LowerStillMost(n int64) (restore func()) {
	was := stillMost
	stillMost = n
	return func() { stillMost = was }
}
