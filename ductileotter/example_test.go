package ductileotter_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/ductile-go/ductile/cache"
	"github.com/ductile-go/ductile/ductileotter"
)

type path struct{}

func pathOf(ctx context.Context) (string, bool) { p, ok := ctx.Value(path{}).(string); return p, ok }

func ExampleNew() {
	store := ductileotter.New(ductileotter.Config[string, []byte]{
		MaxWeight: 64 << 20, // bytes
		Weigh:     func(k string, e cache.Entry[[]byte]) uint32 { return uint32(len(k) + len(e.Value) + 200) },
	})
	pages := cache.New(cache.Config[string, []byte]{Key: pathOf, TTL: time.Minute, Store: store})

	ctx := context.WithValue(context.Background(), path{}, "/index")
	for range 2 {
		page, err := pages.Do(ctx, func(context.Context) ([]byte, error) {
			fmt.Println("rendered")
			return []byte(strings.Repeat("x", 1000)), nil
		})
		fmt.Println(len(page), err)
	}
	_ = pages.Close(ctx)
	store.Otter().CleanUp() // for an exact weight
	fmt.Println(store.Weight())
	// Output:
	// rendered
	// 1000 <nil>
	// 1000 <nil>
	// 1206
}

func ExampleOf() {
	entries := otter.Must(&otter.Options[string, cache.Entry[int]]{MaximumSize: 1000, InitialCapacity: 1000})
	c := cache.New(cache.Config[string, int]{Key: pathOf, TTL: time.Minute, Store: ductileotter.Of(entries)})

	ctx := context.WithValue(context.Background(), path{}, "/visits")
	v, err := c.Do(ctx, func(context.Context) (int, error) { return 7, nil })
	_ = c.Close(ctx)
	fmt.Println(v, err, entries.EstimatedSize())
	// Output: 7 <nil> 1
}
