//go:build !ductile_explore

package atomicx

// The export data of a package contains the bodies of another package's methods only if
// it uses them. A package that reaches sync/atomic only through this one could not inline
// other methods: each atomic operation of a hot path would be a call of about 2 ns. So
// this function uses all of them.
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
