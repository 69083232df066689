package table

import "strings"

// Kinds returns the types that the section "defaults" knows by their keys: sections, such
// as circuits; what stands in a section, such as circuit; and mappings in those, such as
// retry.
func (t *Type) Kinds() map[string]*Type {
	kinds := map[string]*Type{}
	var inner []*Type
	for _, f := range t.Fields {
		if f.Type.Kind != Map || f.Type.Elem.Kind != Struct {
			continue
		}
		kinds[f.Key], kinds[singular(f.Key)] = f.Type, f.Type.Elem
		inner = append(inner, f.Type.Elem)
	}
	for _, in := range inner {
		for _, f := range in.Fields {
			if f.Type.Kind == Struct && kinds[f.Key] == nil {
				kinds[f.Key] = f.Type
			}
		}
	}
	return kinds
}

func singular(key string) string {
	if stem, ok := strings.CutSuffix(key, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(key, "s")
}
