package tree

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Values is a Source of Go values.
type Values struct {
	root   *Node
	faults []Fault
}

// Of copies a map.
func Of(m map[string]any) *Values {
	v := &Values{}
	c := &copier{values: v, left: NewLeft(MaxNodes)}
	v.root = c.node(reflect.ValueOf(m), "", 0)
	return v
}

// Open returns the values that Of has copied.
func (v *Values) Open(rank int, _ *Node, faults *Faults) *Node {
	at := Place{Rank: rank, File: "map"}
	for _, fault := range v.faults {
		faults.Add(at, fault)
	}
	if len(v.faults) > 0 || v.root.Kind == Null {
		return nil
	}
	return v.root.Moved(at)
}

type copier struct {
	values *Values
	left   *Left
	failed bool
}

func (c *copier) fault(path, problem string) *Node {
	c.values.faults = append(c.values.faults, Fault{Path: short(path), Problem: problem})
	return &Node{}
}

func (c *copier) node(v reflect.Value, path string, depth int) *Node {
	switch {
	case c.failed:
		return &Node{}
	case depth > MaxDepth:
		c.failed = true
		return c.fault(path, fmt.Sprintf("nested more than %d deep, the limit", MaxDepth))
	case !c.left.Take(1):
		c.failed = true
		return c.fault(path, fmt.Sprintf("more than %d values, the limit", MaxNodes))
	}
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return &Node{Text: "null"}
		}
		if _, ok := v.Interface().(encoding.TextMarshaler); ok && v.Kind() == reflect.Pointer {
			break
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return &Node{Text: "null"}
	}
	if text, ok := text(v); ok {
		return &Node{Kind: Scalar, Text: text}
	}
	switch v.Kind() {
	case reflect.Map:
		return c.mapping(v, path, depth)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return &Node{Text: "null"}
		}
		n := &Node{Kind: List}
		for i := range v.Len() {
			n.Items = append(n.Items, c.node(v.Index(i), At(path, i), depth+1))
		}
		return n
	}
	return c.fault(path, fmt.Sprintf("a value of type %s cannot be read", v.Type()))
}

func (c *copier) mapping(v reflect.Value, path string, depth int) *Node {
	if v.IsNil() {
		return &Node{Text: "null"}
	}
	n := &Node{Kind: Map}
	if v.Len() == 0 {
		return n
	}
	for _, k := range v.MapKeys() {
		key := fmt.Sprint(k.Interface())
		n.Entries = append(n.Entries, Entry{Key: key, Value: c.node(v.MapIndex(k), Join(path, key), depth+1)})
	}
	slices.SortFunc(n.Entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
	for i := range n.Entries[1:] { // such as 1 and "1": which one would win is chance
		if n.Entries[i].Key == n.Entries[i+1].Key {
			c.fault(Join(path, n.Entries[i].Key), "two keys of the map are the same text")
		}
	}
	return n
}

// text returns what a file would hold for a single value, or false for other values.
func text(v reflect.Value) (string, bool) {
	switch x := v.Interface().(type) {
	case time.Duration:
		return x.String(), true
	case json.Number:
		return x.String(), true
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		return string(b), err == nil
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), true
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits()), true
	}
	return "", false
}
