package ductilehttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// usable returns what is wrong with the arguments of a call. Without it, the mistake would
// show only after the server has acted, or never.
func usable(ctx context.Context, in, out any, opts []Option) error {
	if ctx == nil {
		return errors.New("ductilehttp: nil context")
	}
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return fmt.Errorf("ductilehttp: out is %s, want a pointer to decode into, or nil", described(v))
	}
	for i, o := range opts {
		if o == nil {
			return fmt.Errorf("ductilehttp: option %d of %d is nil, want an Option", i+1, len(opts))
		}
	}
	return encodable(in)
}

// encodable refuses values that encoding/json accepts but encodes in an unintended way.
func encodable(in any) error {
	if _, ok := in.(json.Marshaler); ok {
		return nil
	}
	switch in.(type) {
	case []byte, io.Reader:
		return fmt.Errorf("ductilehttp: in is a %T, want a value to encode, or a json.RawMessage of what is JSON already", in)
	}
	return nil
}

func described(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		return fmt.Sprintf("a nil %v", v.Type())
	}
	return fmt.Sprintf("a %v", v.Type())
}
