package ductilestripe

import (
	"bytes"
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
		for i := range s.found {
			f := &s.found[i]
			if f.data, s.err = io.ReadAll(f.from); s.err != nil {
				s.err = fmt.Errorf("ductilestripe: read %s: %w", reflect.TypeOf(p).Elem().Field(f.field).Name, s.err)
				return
			}
		}
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
