package same

import "reflect"

// Clocks reports whether a and b are the same clock. Two values of one type that == cannot
// compare are assumed to be the same.
func Clocks(a, b any) bool {
	switch {
	case a == nil || b == nil:
		return a == nil && b == nil
	case reflect.TypeOf(a) != reflect.TypeOf(b):
		return false
	case !reflect.ValueOf(a).Comparable():
		return true
	}
	return a == b
}
