// Package same compares values of any type, with each other, with nil and with zero.
package same

import "reflect"

// Nil reports whether v is nil, or is a nil pointer, map, slice, function or channel.
func Nil(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.Interface:
		return r.IsNil()
	}
	return false
}

// Values reports whether a and b are equal. If == cannot compare their type, such as an
// error that is a slice, they are equal if they are deeply equal.
func Values(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if !x.IsValid() || !y.IsValid() || x.Type() != y.Type() {
		return x.IsValid() == y.IsValid() && !x.IsValid()
	}
	if x.Comparable() && y.Comparable() {
		return a == b
	}
	return reflect.DeepEqual(a, b)
}

// Zero reports whether v is the zero value of its type, or an interface that holds one.
func Zero[T any](v T) bool {
	r := reflect.ValueOf(&v).Elem()
	return r.IsZero() || r.Kind() == reflect.Interface && r.Elem().IsZero()
}
