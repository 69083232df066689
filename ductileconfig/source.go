package ductileconfig

import (
	"os"
	"slices"

	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
)

// Source is where values come from. [File], [Bytes], [Env], [Environ] and [Map] make
// Sources; other packages cannot. A Source may be used any number of times, by several
// goroutines.
type Source interface{ tree.Source }

// File is a file of YAML or JSON. It is read by each [Load], and watched by [Watch]. It
// must be there: a missing file is a fault. Its size is limited to 1 MiB.
func File(path string) Source { return tree.File{Path: path} }

// Bytes is a text of YAML or JSON. The name stands for a file's name in errors and
// origins. The text is copied.
func Bytes(name string, text []byte) Source {
	return tree.Bytes{Name: name, Data: slices.Clone(text)}
}

// Env is the environment: the variables whose names begin with the prefix and two
// underscores. An empty prefix means DUCTILE. Two underscores separate the parts of
// a path, and letters may be upper case:
//
//	DUCTILE__CIRCUITS__STRIPE_EU__RECOVERY_TIMEOUT=1m
//
// A name that an earlier source declares is found in any case, and with dashes where the
// variable has underscores; other names are taken in lower case. So pass Env after the
// files. A variable that names no field is a fault.
//
// A value is what a file would hold: 30s, 50%, null to remove what an earlier source
// sets, or a mapping in braces, {} for all defaults.
func Env(prefix string) Source { return environ(prefix, os.Environ) }

// Environ is as [Env], but reads variables from a list in the form of [os.Environ]. The
// list is copied.
func Environ(prefix string, list []string) Source {
	list = slices.Clone(list)
	return environ(prefix, func() []string { return list })
}

func environ(prefix string, list func() []string) Source {
	if prefix == "" {
		prefix = "DUCTILE"
	}
	return tree.Env{Prefix: prefix, Environ: list}
}

// Map is a mapping that another library has read, such as koanf's Raw or viper's
// AllSettings. It holds mappings, lists, texts, numbers, booleans, times and nil, which
// removes what an earlier source sets. A text may hold what a file would. The map is
// copied at once. Viper changes names to lower case, so write references in lower case.
func Map(values map[string]any) Source { return tree.Of(values) }
