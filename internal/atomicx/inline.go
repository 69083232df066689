//go:build !ductile_explore

package atomicx

// What a package exports about a type of another one has the bodies of those methods that
// it calls, and no others. A package that knows sync/atomic only by way of this one could
// inline no other methods: each atomic operation of a hot path would then be a call, of
// some 2 ns. So here they are all called.
var _ = func(b *Bool, i *Int32, l *Int64, u *Uint32, v *Uint64) {
	b.Store(b.Load() || b.Swap(true) || b.CompareAndSwap(true, false))
	i.Store(i.Load() + i.Swap(1) + i.Add(1))
	_ = i.CompareAndSwap(1, 2)
	l.Store(l.Load() + l.Swap(1) + l.Add(1))
	_ = l.CompareAndSwap(1, 2)
	u.Store(u.Load() + u.Swap(1) + u.Add(1))
	_ = u.CompareAndSwap(1, 2)
	v.Store(v.Load() + v.Swap(1) + v.Add(1))
	_ = v.CompareAndSwap(1, 2)
}
