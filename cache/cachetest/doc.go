// Package cachetest tests that a [cache.Store] keeps its promises. Use it if you write a
// Store of your own:
//
//	func TestStore(t *testing.T) {
//		cachetest.TestStore(t, func() cache.Store[string, int] {
//			return NewStore[int](client)
//		})
//	}
//
// Each promise is a subtest. Run the tests with -race, which finds what the checks cannot.
package cachetest
