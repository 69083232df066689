// Package logvalue builds the values that structs are logged as.
package logvalue

import "log/slog"

// Group returns a group of the attributes that are not zero.
func Group(attrs ...slog.Attr) slog.Value {
	some := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		if !zero(a.Value) {
			some = append(some, a)
		}
	}
	return slog.GroupValue(some...)
}

// zero reports whether v is zero. It decides by kind: reflection takes some errors for
// zero.
func zero(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindString:
		return v.String() == ""
	case slog.KindInt64:
		return v.Int64() == 0
	case slog.KindFloat64:
		return v.Float64() == 0
	case slog.KindBool:
		return !v.Bool()
	case slog.KindDuration:
		return v.Duration() == 0
	case slog.KindTime:
		return v.Time().IsZero()
	case slog.KindAny:
		return v.Any() == nil
	}
	return false // handlers omit an empty group
}
