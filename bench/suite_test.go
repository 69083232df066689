package bench_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/hashicorp/go-hclog" // for go.sum: the tests of go-retryablehttp use it
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// suite is the test files of another library, run against ductilehttp: in a copy of its
// module, made from the module cache, our adapters take the place of its code.
type suite struct {
	module   string
	pkg      string   // within module, or "."
	adapters string   // files that are added to pkg, or replace those of the same names
	without  []string // files of module that neither the package nor its tests need
	heading  string   // of its table in docs/porting-http.md
	// differ has the tests that do not pass, each with the reason.
	differ map[string]string
}

var suites = []suite{
	{
		module: "github.com/hashicorp/go-retryablehttp", pkg: ".", adapters: "testdata/suites/retryablehttp",
		heading: "## Their suite: go-retryablehttp", differ: retryableHTTPDiffers,
	},
	{
		module: "github.com/failsafe-go/failsafe-go", pkg: "failsafehttp", adapters: "testdata/suites/failsafehttp",
		without: []string{"internal/testutil/grpc.go"}, // needs grpc
		heading: "## Their suite: failsafehttp", differ: failsafeHTTPDiffers,
	},
}

func TestSuitesOfOtherClientsPassButForWhatIsListed(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the suites of other libraries, which wait in real time: 30 s")
	}
	for _, s := range suites {
		t.Run(s.module, func(t *testing.T) {
			t.Parallel()
			test := s.prepared(t)
			results := test(t, ".")
			for name, r := range results {
				for n := 0; n < 3 && s.isSurprise(name, r); n++ { // they measure time, and a busy machine takes more
					r = test(t, only(name))[name]
				}
				switch {
				case s.isSurprise(name, r) && r.passed:
					t.Errorf("%s passes: take it off the list", name)
				case s.isSurprise(name, r):
					t.Errorf("%s fails and is not listed, also alone:\n%s", name, r.output)
				}
			}
			for name := range s.differ {
				assert.Contains(t, results, name, "listed and not run")
			}
		})
	}
}

func TestATestOfASuiteIsRunAlone(t *testing.T) {
	assert.Equal(t, `^TestBodyReader$/^with_\*bytes\.Buffer_body$`, only("TestBodyReader/with_*bytes.Buffer_body"))
}

func TestThePageListsWhereTheirSuitesDiffer(t *testing.T) {
	for _, s := range suites {
		var want []string
		for name, reason := range s.differ {
			want = append(want, fmt.Sprintf("| `%s` | %s |", name, reason))
		}
		assert.ElementsMatch(t, want, linesBelow(t, s.heading))
	}
}

// linesBelow returns the rows of the table below a heading, without its head.
func linesBelow(t *testing.T, heading string) (rows []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/porting-http.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), heading+"\n")
	require.True(t, found, heading)
	section, _, _ := strings.Cut(after, "\n## ")
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	return rows
}

// result is that of a test in a suite.
type result struct {
	passed bool
	output string
}

// isSurprise reports whether the list does not say that the test called name ends as r.
func (s suite) isSurprise(name string, r result) bool {
	_, listed := s.differ[name]
	return r.passed == listed
}

// only returns the pattern that only the test called name matches.
func only(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// prepared returns what runs the tests of the suite that a pattern matches, and returns the
// results of those that have no subtests.
func (s suite) prepared(t *testing.T) func(t *testing.T, pattern string) map[string]result {
	t.Helper()
	dir := s.copied(t)
	modfile := s.modfile(t, dir)
	return func(t *testing.T, pattern string) map[string]result {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "go", "test", "-json", "-count=1", "-vet=off", "-modfile="+modfile, "-run="+pattern,
			strings.TrimSuffix(s.module+"/"+s.pkg, "/."))
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		err := cmd.Run() // an error if a test fails, as listed ones do
		results := resultsOf(out.Bytes())
		require.NotEmpty(t, results, "%v\n%s\n%s", err, problems.String(), out.String())
		return results
	}
}

// copied returns a copy of the module with the adapters in it.
func (s suite) copied(t *testing.T) string {
	t.Helper()
	src, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", s.module).Output()
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "module")
	require.NoError(t, os.CopyFS(dir, os.DirFS(strings.TrimSpace(string(src)))))
	for _, name := range s.without {
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
	adapters, err := filepath.Glob(filepath.Join(s.adapters, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, adapters)
	for _, from := range adapters {
		to := filepath.Join(dir, s.pkg, filepath.Base(from))
		code, err := os.ReadFile(from)
		require.NoError(t, err)
		if err := os.Remove(to); !os.IsNotExist(err) { // those of the module cache are read-only
			require.NoError(t, err)
		}
		require.NoError(t, os.WriteFile(to, code, 0o600))
	}
	return dir
}

var ownReplace = regexp.MustCompile(`(?m)^replace github.com/ductile-go/ductile => .*$`)

// modfile returns a copy of bench/go.mod in which the module is the one in dir.
func (s suite) modfile(t *testing.T, dir string) string {
	t.Helper()
	checkout, err := filepath.Abs("..")
	require.NoError(t, err)
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	require.True(t, ownReplace.Match(mod))
	mod = ownReplace.ReplaceAll(mod, fmt.Appendf(nil, "replace github.com/ductile-go/ductile => %q\nreplace %s => %q", checkout, s.module, dir))
	sum, err := os.ReadFile("go.sum")
	require.NoError(t, err)
	at := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(at, "go.mod"), mod, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(at, "go.sum"), sum, 0o600))
	return filepath.Join(at, "go.mod")
}

// resultsOf reads the output of go test -json. A test that has subtests is left out: it
// fails with them. So is a test that was skipped.
func resultsOf(out []byte) map[string]result {
	results, output := map[string]result{}, map[string]string{}
	for line := range bytes.Lines(out) {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(line, &e) != nil || e.Test == "" {
			continue
		}
		output[e.Test] += e.Output
		if e.Action == "pass" || e.Action == "fail" {
			results[e.Test] = result{e.Action == "pass", output[e.Test]}
		}
	}
	for _, name := range slices.Collect(maps.Keys(results)) {
		for at := strings.LastIndexByte(name, '/'); at >= 0; at = strings.LastIndexByte(name[:at], '/') {
			delete(results, name[:at])
		}
	}
	return results
}
