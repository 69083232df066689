//go:build ductile_explore

package observe

// hint is a constant for a scheduler that replays a program, in which the addresses of
// strings differ between runs.
func (x *id) hint() int { return int(x.kind) % (1 << recentBits) }
