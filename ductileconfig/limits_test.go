package ductileconfig_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ductile-go/ductile/ductileconfig"
)

func TestAFileBeyondTheLimitIsRefused(t *testing.T) {
	big := "circuits: {}\n#" + strings.Repeat("x", 1<<20)
	want := ": the file is larger than 1048576 bytes, the limit"
	assert.Equal(t, []string{"1.yaml" + want}, refused(t, sources(big)...))
	path := newFile(t, big)
	assert.Equal(t, []string{path + want}, refused(t, ductileconfig.File(path)))
	full := big[:1<<20]
	load(t, full)
}

func TestDeepNestingIsRefused(t *testing.T) {
	for _, text := range []string{
		"circuits: " + strings.Repeat("{a: ", 100) + strings.Repeat("}", 100),
		"circuits: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		strings.Repeat("- ", 500) + "a",
	} {
		got := refused(t, sources(text)...)
		require.Len(t, got, 1)
		assert.Contains(t, got[0], "nested more than 64 deep, the limit")
	}
}

// An alias bomb, "billion laughs": each line repeats the one before nine times.
func TestAnAliasBombIsRefused(t *testing.T) {
	for name, form := range map[string][2]string{
		"lists":    {"[x, x, x]", "[*%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s, *%[1]s]"},
		"mappings": {"{x: 1}", "{a: *%[1]s, b: *%[1]s, c: *%[1]s, d: *%[1]s, e: *%[1]s, f: *%[1]s, g: *%[1]s, h: *%[1]s}"},
	} {
		var b strings.Builder
		fmt.Fprintf(&b, "defaults:\n  a0: &a0 %s\n", form[0])
		for i := range 20 {
			fmt.Fprintf(&b, "  a%d: &a%d %s\n", i+1, i+1, fmt.Sprintf(form[1], fmt.Sprint("a", i)))
		}
		got := refused(t, sources(b.String())...)
		require.Len(t, got, 1, name)
		assert.Contains(t, got[0], "more than 100000 values, the limit, aliases counted as what they repeat")
	}
}

func TestABombOfMergeKeysIsRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("defaults:\n")
	b.WriteString("  a: &a {")
	for i := range 1000 {
		fmt.Fprintf(&b, "k%d: 1, ", i)
	}
	b.WriteString("}\n")
	for i := range 200 {
		fmt.Fprintf(&b, "  b%d: {<<: *a}\n", i)
	}
	got := refused(t, sources(b.String())...)
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "more than 100000 values, the limit")
}

func TestTooManyKeysAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("defaults: {")
	for i := range 50_001 {
		fmt.Fprintf(&b, "k%d: 1, ", i)
	}
	got := refused(t, sources(b.String()+"}")...)
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "more than 100000 values, the limit")
}

func TestSourcesThatHoldTooMuchTogetherAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("defaults: {")
	for i := range 26_000 {
		fmt.Fprintf(&b, "k%d: 1, ", i)
	}
	text := b.String() + "}"
	got := refused(t, sources(text, text, text)...)
	assert.Equal(t, []string{"all sources: more than 100000 values, the limit"}, got)
}
