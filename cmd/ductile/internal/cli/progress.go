package cli

import (
	"fmt"
	"strings"
	"time"
)

// When progress is shown: runs that are over soon show none.
const (
	patience = time.Second
	redraw   = 100 * time.Millisecond // of the bar
	every    = 10 * time.Second       // of lines
	barWide  = 30
)

// progress shows on the standard error how far a run is: a bar on a terminal, and lines
// elsewhere. Its methods are called one after another.
type progress struct {
	env   Env
	off   bool
	begun time.Time
	last  time.Time // when something was shown
	drawn bool
}

func newProgress(env Env, quiet bool) *progress {
	p := &progress{env: env, off: quiet || env.Now == nil}
	if !p.off {
		p.begun = env.Now()
		p.last = p.begun
	}
	return p
}

// show shows a share, 0 to 1, and a few words.
func (p *progress) show(share float64, what string) {
	if p.off {
		return
	}
	now := p.env.Now()
	elapsed, wait := now.Sub(p.begun), every
	if p.env.ErrTerminal {
		wait = redraw
	}
	if elapsed < patience || now.Sub(p.last) < wait {
		return
	}
	p.last = now
	if share = min(max(share, 0), 1); share > 0.02 {
		left := time.Duration(float64(elapsed) * (1 - share) / share)
		what += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	if !p.env.ErrTerminal {
		fmt.Fprintf(p.env.Stderr, "ductile simulate: %.0f %%, %s\n", 100*share, what)
		return
	}
	full := int(share * barWide)
	p.drawn = true
	fmt.Fprintf(p.env.Stderr, "\r[%s%s] %3.0f %%, %s\x1b[K", strings.Repeat("#", full), strings.Repeat("-", barWide-full), 100*share, what)
}

// end removes the bar.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprintf(p.env.Stderr, "%s", "\r\x1b[K")
		p.drawn = false
	}
}
