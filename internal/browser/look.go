package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const axePackage = "axe-core@4.14.1"

// axe returns the script of axe-core, fetched once into .bin of the checkout.
var axe = sync.OnceValues(func() (string, error) {
	root, err := checkout()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".bin", axePackage)
	script := filepath.Join(dir, "package", "axe.min.js")
	if _, err := os.Stat(script); err != nil {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
		defer stop()
		cmd := exec.CommandContext(ctx, "sh", "-c", `tgz=$(npm pack --silent "$0") && tar xzf "$tgz"`, axePackage)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("npm pack %s: %w: %s", axePackage, err, out)
		}
	}
	text, err := os.ReadFile(script) //nolint:gosec // a file of the checkout
	return string(text), err
})

// checkout returns the directory above the package's that has a Makefile.
func checkout() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Makefile")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no Makefile above the test: %w", os.ErrNotExist)
}

// Axe asserts that axe-core finds no fault. A page whose own policy forbids scripts must be
// loaded without it (page.SetBypassCSP).
func (p *Tab) Axe(what string) {
	p.T.Helper()
	script, err := axe()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n*** axe-core did not run: %v ***\n", err)
		p.T.Skip(err)
	}
	_ = Eval[int](p, script+";0")
	found := Eval[string](p, `axe.run().then(r => JSON.stringify(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 200) + ' ' + n.failureSummary).join('\n'))))`)
	var violations []string
	require.NoError(p.T, json.Unmarshal([]byte(found), &violations))
	assert.Empty(p.T, violations, what)
}

// Shot writes a picture of the screen into the directory DUCTILE_SHOTS, if that is set.
func (p *Tab) Shot(name string) {
	p.T.Helper()
	dir := os.Getenv("DUCTILE_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.Ctx, chromedp.CaptureScreenshot())
	require.NoError(p.T, err)
	require.NoError(p.T, os.WriteFile(dir+"/"+name+".png", png, 0o600)) //nolint:gosec // the name is the test's
}
