// Package ductileotter keeps the entries of package cache in an otter cache
// (github.com/maypok86/otter/v2), which bounds them by their number or by their weight.
//
//	store := ductileotter.New(ductileotter.Config[string, []byte]{
//		MaxWeight: 64 << 20, // bytes
//		Weigh:     func(k string, e cache.Entry[[]byte]) uint32 { return uint32(len(k) + len(e.Value) + 200) },
//	})
//	pages := cache.New(cache.Config[string, []byte]{Key: urlOf, TTL: time.Minute, Store: store})
//
// The built-in store of package cache counts entries. Use this one where entries differ
// much in size, or where there are so many keys that otter's choice of what to keep
// (W-TinyLFU, by frequency and recency) is worth its upkeep.
package ductileotter
