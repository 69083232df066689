package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// repository makes one with two commits and returns a way to run git in it.
func repository(t *testing.T) (dir string, git func(args ...string) string) {
	t.Helper()
	dir = t.TempDir()
	git = func(args ...string) string {
		out, err := output(t.Context(), dir, "git", append([]string{"-c", "user.name=a", "-c", "user.email=b"}, args...)...)
		require.NoError(t, err)
		return out
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "first")
	git("commit", "-q", "--allow-empty", "-m", "second")
	return dir, git
}

func TestTheBaseIsWhereTheBranchLeftMain(t *testing.T) {
	dir, git := repository(t)
	first, second := git("rev-parse", "HEAD~1"), git("rev-parse", "HEAD")
	base := func(rev string) string {
		commit, err := baseOf(t.Context(), dir, rev)
		require.NoError(t, err)
		return commit
	}
	assert.Equal(t, first, base(""), "without an origin")
	assert.Equal(t, second, base("HEAD"), "when told")
	git("update-ref", "refs/remotes/origin/main", "HEAD")
	assert.Equal(t, first, base(""), "at the tip of main")
	git("commit", "-q", "--allow-empty", "-m", "third")
	git("commit", "-q", "--allow-empty", "-m", "fourth")
	assert.Equal(t, second, base(""), "on a branch")
	_, err := baseOf(t.Context(), dir, "nowhere")
	assert.Error(t, err)
}

func TestALoneCommitHasNoBase(t *testing.T) {
	dir, git := repository(t)
	git("checkout", "-q", "--orphan", "lone")
	git("commit", "-q", "--allow-empty", "-m", "lone")
	base, err := baseOf(t.Context(), dir, "")
	require.NoError(t, err)
	assert.Empty(t, base)
}

func TestThePatternAlwaysMeasuresABareCall(t *testing.T) {
	assert.Equal(t, "(^BenchmarkFour$)/^lib=(bare|ductile)$|^BenchmarkClosedRow$/^lib=bare$", pattern("^BenchmarkFour$"))
	assert.Equal(t, "^Benchmark(Four|Three)$", scenariosOf([]finding{
		{key: key("Four", "serial")}, {key: key("Four", "parallel")}, {key: key("Three", "serial")},
	}))
}
