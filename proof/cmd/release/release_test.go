package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checkout is a repository of a root module and a nested one, ready for v0.1.0.
var checkout = map[string]string{
	"go.mod":           "module example.com/lib\n\ngo 1.26.0\n",
	"lib.go":           "package lib\n\nconst N = 1\n",
	"internal/in/a.go": "package in\n",
	"CHANGELOG.md":     "# Changelog\n\n## Unreleased\n\n## v0.1.0 - 2026-11-28\n\nThe first version.\n",
	"kit/go.mod":       "module example.com/lib/kit\n\ngo 1.26.0\n\nrequire example.com/lib v0.1.0\n\nreplace example.com/lib => ../\n",
	"kit/kit.go":       "package kit\n\nimport \"example.com/lib\"\n\nconst N = lib.N\n",
	"kit/cmd/x/x.go":   "package main\n\nimport _ \"example.com/lib/internal/in\"\n\nfunc main() {}\n",
}

// repository commits the checkout, with some files changed, and returns its release.
func repository(t *testing.T, changed map[string]string) *release {
	t.Helper()
	t.Setenv("GOPROXY", "off")
	root := t.TempDir()
	for _, files := range []map[string]string{checkout, changed} {
		for name, text := range files {
			at := filepath.Join(root, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o700))
			require.NoError(t, os.WriteFile(at, []byte(text), 0o600))
		}
	}
	runGit(t, root, "init", "-q")
	runGit(t, root, "add", "-A")
	runGit(t, root, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x")
	scratch := t.TempDir()
	r := &release{root: root, version: "v0.1.0", scratch: scratch, cache: filepath.Join(scratch, "cache")}
	require.NoError(t, r.load(t.Context()))
	return r
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestACheckoutThatIsReadyPasses(t *testing.T) {
	r := repository(t, nil)
	assert.True(t, r.check(t.Context()))
	assert.Equal(t, "there is no earlier version to compare with", r.checkAPI(t.Context()).skipped)
	assert.Equal(t, "v0.1.0", r.modules[0].tag(r.version))
	assert.Equal(t, "kit/v0.1.0", r.modules[1].tag(r.version))
}

func TestEachFaultIsReportedWithWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		changed map[string]string
		version string
		check   func(*release) func(context.Context) result
		want    string
	}{
		"not a version": {
			nil, "0.1.0", func(r *release) func(context.Context) result { return r.checkVersion },
			`VERSION is "0.1.0", want a semantic version such as v0.1.0`,
		},
		"an older requirement": {
			map[string]string{"kit/go.mod": "module example.com/lib/kit\n\ngo 1.26.0\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../\n"},
			"v0.1.0", func(r *release) func(context.Context) result { return r.checkRequirements },
			"kit/go.mod requires example.com/lib at v0.0.0, want v0.1.0: cd kit && go mod edit -require=example.com/lib@v0.1.0",
		},
		"no replace": {
			map[string]string{"kit/go.mod": "module example.com/lib/kit\n\ngo 1.26.0\n\nrequire example.com/lib v0.1.0\n"},
			"v0.1.0", func(r *release) func(context.Context) result { return r.checkRequirements },
			"kit/go.mod has no replace of example.com/lib by its directory: without one, work in the checkout would use the published version",
		},
		"another Go version": {
			map[string]string{"kit/go.mod": "module example.com/lib/kit\n\ngo 1.25.0\n\nrequire example.com/lib v0.1.0\n\nreplace example.com/lib => ../\n"},
			"v0.1.0", func(r *release) func(context.Context) result { return r.checkGo },
			"kit/go.mod has go 1.25.0, want 1.26.0 as in the root",
		},
		"an empty section": {
			map[string]string{"CHANGELOG.md": "# Changelog\n\n## v0.1.0\n\n## v0.0.1\n\nText.\n"},
			"v0.1.0", func(r *release) func(context.Context) result { return r.checkChangelog },
			"CHANGELOG.md has no section ## v0.1.0, or an empty one: rename Unreleased",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := repository(t, c.changed)
			r.version = c.version
			assert.Equal(t, []string{c.want}, c.check(r)(t.Context()).faults)
		})
	}
}

func TestATagThatExistsAndAnUncommittedFileAreFaults(t *testing.T) {
	r := repository(t, nil)
	runGit(t, r.root, "tag", "kit/v0.1.0")
	require.NoError(t, os.WriteFile(filepath.Join(r.root, "new.go"), []byte("package lib\n"), 0o600))
	assert.Equal(t, []string{"tag kit/v0.1.0 exists: choose a later version, published versions cannot change"}, r.checkVersion(t.Context()).faults)
	assert.Equal(t, []string{"1 files differ from the last commit: commit them or remove them"}, r.checkTree(t.Context()).faults)
}

// The nested module builds in the checkout only, where its replace hides the version.
func TestAModuleThatNeedsAnotherVersionThanThisDoesNotBuildOutside(t *testing.T) {
	r := repository(t, map[string]string{
		"kit/go.mod": "module example.com/lib/kit\n\ngo 1.26.0\n\nrequire example.com/lib v0.2.0\n\nreplace example.com/lib => ../\n",
	})
	found := r.checkConsumer(t.Context())
	require.Len(t, found.faults, 1)
	assert.Contains(t, found.faults[0], "a module that imports everything at v0.1.0 does not build")
	assert.Contains(t, found.faults[0], "v0.2.0")
}

// A file that git ignores is on disk and not in the module.
func TestAPackageThatNeedsAnIgnoredFileDoesNotBuildOutside(t *testing.T) {
	r := repository(t, map[string]string{
		".gitignore": "made.go\n", "made.go": "package lib\n\nconst M = 2\n",
		"kit/kit.go": "package kit\n\nimport \"example.com/lib\"\n\nconst N = lib.M\n",
	})
	found := r.checkConsumer(t.Context())
	require.Len(t, found.faults, 1)
	assert.Contains(t, found.faults[0], "undefined: lib.M")
}

func TestTheAPICheckIsSkippedIfGoreleaseDoesNotRun(t *testing.T) {
	r := repository(t, nil)
	runGit(t, r.root, "tag", "v0.0.9")
	t.Setenv("GOMODCACHE", t.TempDir()) // without gorelease; GOPROXY is off
	found := r.checkAPI(t.Context())
	assert.Empty(t, found.faults)
	assert.Contains(t, found.skipped, "gorelease did not run in .: ")
	_, err := os.Stat(filepath.Join(r.scratch, "base"))
	assert.ErrorIs(t, err, os.ErrNotExist, "the checkout of the earlier version is removed")
}
