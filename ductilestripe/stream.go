package ductilestripe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
)

// streams are the readers in a params struct. The SDK reads a reader to its end for each
// attempt, so each attempt gets new readers.
type streams struct {
	once  sync.Once // the first attempt reads; concurrent attempts wait
	err   error
	found []stream
}

type stream struct {
	field int
	from  io.Reader
	data  []byte // set by once
}

// errUnread is the error of a stream whose reader did not return. Without it, a later attempt
// would send what was read until then as if it were all.
var errUnread = errors.New("ductilestripe: a reader of the params did not return; its data cannot be sent")

var readerType = reflect.TypeFor[io.Reader]()

// streamsOf finds the readers in the struct that p points to.
func streamsOf(p any) *streams {
	s := &streams{}
	v := reflect.ValueOf(p).Elem()
	if v.Kind() != reflect.Struct {
		return s
	}
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Type() == readerType && f.CanSet() && !f.IsNil() {
			s.found = append(s.found, stream{field: i, from: f.Interface().(io.Reader)})
		}
	}
	return s
}

// refill sets the readers of the struct that p points to, each at its beginning.
func (s *streams) refill(p any) error {
	if len(s.found) == 0 {
		return nil
	}
	s.once.Do(func() {
		s.err = errUnread // in case a reader panics, or ends the goroutine
		s.err = s.read(reflect.TypeOf(p).Elem())
	})
	if s.err != nil {
		return s.err
	}
	v := reflect.ValueOf(p).Elem()
	for _, f := range s.found {
		v.Field(f.field).Set(reflect.ValueOf(bytes.NewReader(f.data)))
	}
	return nil
}

// read reads the readers of a struct of type t to their ends.
func (s *streams) read(t reflect.Type) (err error) {
	for i := range s.found {
		f := &s.found[i]
		if f.data, err = io.ReadAll(f.from); err != nil {
			return fmt.Errorf("ductilestripe: read %s: %w", t.Field(f.field).Name, err)
		}
	}
	return nil
}
