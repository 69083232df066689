// Package browser drives a real browser in tests: it opens pages in tabs, on screens of any
// size, light and dark, and listens to their console.
//
// It needs chromium-headless-shell or another Chromium. Where none is installed, tests are
// skipped, with a notice at the end of their output.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience bounds what the tests wait for. A loaded machine is slow, and nothing is asserted
// about the time: only what hangs may miss it.
const patience = 5 * time.Minute

// names are the programs to look for. The first one that is installed is used.
var names = []string{"chromium-headless-shell", "chromium", "google-chrome"}

// browser is the one browser of all tests, and nil without one.
var browser context.Context

// Main runs the tests of package name with one browser. It is for TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(browser.Main(m, "browsertest")) }
func Main(m *testing.M, name string) int {
	path := ""
	for _, n := range names {
		if found, err := exec.LookPath(n); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		code := m.Run()
		fmt.Fprintf(os.Stderr, "\n*** %s: NO TEST RAN: none of %s is installed ***\n", name, strings.Join(names, ", "))
		return code
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.WSURLReadTimeout(patience))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	defer stop()
	first, stop := chromedp.NewContext(alloc)
	defer stop()
	if err := chromedp.Do(first); err != nil {
		fmt.Fprintf(os.Stderr, "*** %s: %s does not start: %v ***\n", name, path, err)
		return 1
	}
	browser = first
	return m.Run()
}

// Tab is a tab of the browser.
type Tab struct {
	T   *testing.T
	Ctx context.Context

	mu       sync.Mutex
	messages []string // of the console
}

// Size of the screen.
type Size struct{ Width, Height int64 }

// Sizes that pages must fit.
var (
	Desktop = Size{1200, 800}
	Phone   = Size{375, 720}
)

// Open opens a page in a tab of its own.
func Open(t *testing.T, url string, s Size, dark bool) *Tab {
	t.Helper()
	if browser == nil {
		t.Skip("no browser is installed; see the end of the output")
	}
	ctx, stop := chromedp.NewContext(browser)
	t.Cleanup(stop)
	p := &Tab{T: t, Ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, p.hear))
	p.Screen(s, dark)
	p.Do(chromedp.Navigate(url))
	return p
}

// Screen sets the size and the colour scheme.
func (p *Tab) Screen(s Size, dark bool) {
	p.T.Helper()
	var opts []chromedp.EmulateViewportOption
	if s.Width == Phone.Width {
		opts = append(opts, chromedp.EmulateMobile)
	}
	p.Do(chromedp.EmulateViewport(s.Width, s.Height, opts...))
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(p.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(p.T, err)
}

// hear collects what the console of the browser shows.
func (p *Tab) hear(ev any) {
	var text string
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		text = fmt.Sprintf("console.%s", ev.Type)
	case *runtime.EventExceptionThrown:
		text = "exception: " + ev.ExceptionDetails.Text
		if e := ev.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
	case *log.EventEntryAdded:
		text = fmt.Sprintf("%s: %s (%s)", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, text)
}

// Messages returns what the console has shown.
func (p *Tab) Messages() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// Quiet asserts that the console shows nothing.
func (p *Tab) Quiet() {
	p.T.Helper()
	assert.Empty(p.T, p.Messages(), "messages of the console")
}

// Do takes steps.
func (p *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.T.Helper()
	ctx, stop := context.WithTimeout(p.Ctx, patience)
	defer stop()
	require.NoError(p.T, chromedp.Do(ctx, steps...))
}

// Wait waits until an expression is true.
func (p *Tab) Wait(expression string) {
	p.T.Helper()
	ctx, stop := context.WithTimeout(p.Ctx, patience)
	defer stop()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(10*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	if err != nil {
		require.NoError(p.T, err, "%s; the page shows:\n%s\nconsole: %q", expression, Eval[string](p, `document.body.innerText`), p.Messages())
	}
}

// Eval returns the value of an expression.
func Eval[V any](p *Tab, expression string) V {
	p.T.Helper()
	ctx, stop := context.WithTimeout(p.Ctx, patience)
	defer stop()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[V](expression, chromedp.EvalAwaitPromise))
	require.NoError(p.T, err, expression)
	return v
}
