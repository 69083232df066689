package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	portingDir  = "../../testdata/porting/"
	portingPage = "../../../../docs/porting-config.md"
)

func portingFiles(t *testing.T) []string {
	files, err := filepath.Glob(portingDir + "*.yaml")
	require.NoError(t, err)
	require.Len(t, files, 10)
	return files
}

func read(t *testing.T, file string) string {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

func TestTheTenPortedFilesPassTheStrictCheck(t *testing.T) {
	for _, file := range portingFiles(t) {
		r := run("", nil, false, "check", "--strict", file)
		assert.Zero(t, r.code, r.stdout)
		assert.Contains(t, r.stdout, "no faults", file)
		r = run("", nil, false, "explain", file)
		assert.Zero(t, r.code, file)
		assert.Contains(t, r.stdout, "At worst", file)
	}
}

func TestTheDefaultsOfPollysHandlerDoNotFit(t *testing.T) {
	text := strings.Replace(read(t, portingDir+"polly-http-standard.yaml"), "attempt_timeout: 4s", "attempt_timeout: 10s", 1)
	r := run(text, nil, false, "check", "--strict", "-")
	assert.Equal(t, 1, r.code)
	assert.Contains(t, r.stdout, "[attempts-do-not-fit]")
	assert.Contains(t, r.stdout, "[recovery-shorter-than-attempt]")
	assert.Contains(t, r.stdout, "stdin: 2 warnings")
}

func TestInjectedFaultsAreWarnedOfOnceTheyAreOn(t *testing.T) {
	for _, name := range []string{"polly-strategies", "envoy-overload", "istio-reviews"} {
		text := strings.Replace(read(t, portingDir+name+".yaml"), "enabled: false", "enabled: true", 1)
		r := run(text, nil, false, "check", "--strict", "-")
		assert.Equal(t, 1, r.code)
		assert.Contains(t, r.stdout, "[chaos-enabled]", name)
	}
}

// ported is a file of the ten: what it was, and what it has become.
type ported struct{ original, port string }

// portsOf returns the files that the links of a section of the page name.
func portsOf(t *testing.T, section string) []ported {
	var all []ported
	for _, m := range regexp.MustCompile(`\]\(\.\./cmd/ductile/testdata/porting/([a-z0-9-]+\.yaml)\)`).FindAllStringSubmatch(section, -1) {
		var p ported
		for line := range strings.Lines(read(t, portingDir+m[1])) {
			if rest, ok := strings.CutPrefix(line, "#"); ok {
				p.original += strings.TrimSpace(rest) + " "
			} else {
				p.port += line
			}
		}
		all = append(all, p)
	}
	return all
}

var span = regexp.MustCompile("`([^`]+)`")

// spans returns the code in a cell.
func spans(cell string) []string {
	var all []string
	for _, m := range span.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

func (p ported) has(original, port []string) bool {
	for _, s := range original {
		if !strings.Contains(p.original, s) {
			return false
		}
	}
	for _, s := range port {
		if !regexp.MustCompile(`(^|[\s{,])` + regexp.QuoteMeta(s) + `($|[\s},:])`).MatchString(p.port) {
			return false
		}
	}
	return true
}

func TestEachRowOfThePortingPageStandsInAPortedFile(t *testing.T) {
	rows, named := 0, 0
	for _, section := range strings.Split(read(t, portingPage), "\n## ")[1:] {
		ports := portsOf(t, section)
		require.NotEmpty(t, ports)
		named += len(ports)
		for line := range strings.Lines(section) {
			cells := strings.Split(line, "|")
			if len(cells) < 4 || strings.HasPrefix(line, "|---") || len(spans(cells[2])) == 0 {
				continue
			}
			rows++
			found := false
			for _, p := range ports {
				found = found || p.has(spans(cells[1]), spans(cells[2]))
			}
			assert.True(t, found, "no file has both sides of %s", line)
		}
	}
	assert.Greater(t, rows, 80)
	assert.Equal(t, 10, named, "files that the page links to")
}
