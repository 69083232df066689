package ductileconfig

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"time"

	"github.com/ductile-go/ductile/ductileconfig/internal/tree"
	"github.com/ductile-go/ductile/internal/fault"
	"github.com/ductile-go/ductile/internal/origin"
	"github.com/ductile-go/ductile/policy"
	"github.com/ductile-go/ductile/registry"
)

// DefaultEvery is the default of [WatchConfig].Every.
const DefaultEvery = 5 * time.Second

// WatchConfig sets how [Watch] finds changes. The zero WatchConfig looks at the files
// every 5 s.
type WatchConfig struct {
	// Every is the time between two looks at the files. 0 means 5 s.
	Every time.Duration
	// OnReload is called once for each new content of the files: with what the registry has
	// changed, or, if the content is not valid and nothing has changed, with all faults as
	// [Load] returns them. Watch waits for it, and holds no lock, so it may use the registry.
	// A panic in it is logged and recovered, and a [runtime.Goexit] ends only its own
	// goroutine: Watch goes on. If nil, faults are shown by [registry.Registry.Snapshot] alone.
	OnReload func(registry.Changes, error)
	// SIGHUP also reloads at each signal SIGHUP of the process, at once and even if
	// nothing has changed. Systems without that signal ignore it.
	SIGHUP bool
	// Clock measures Every. Nil means real time.
	Clock policy.Clock
}

// Validate returns nil if [Watch] accepts c. Otherwise it returns an error that names the
// field, its value and the values that are allowed.
func (c WatchConfig) Validate() error {
	faults := fault.Of("ductileconfig: WatchConfig")
	if c.Every < 0 {
		faults.Add("Every", c.Every, fmt.Sprintf("0 for the default, %v, or more", DefaultEvery))
	}
	return faults.Err()
}

// Watch loads the sources again whenever a [File] of them has changed, and applies what
// it loads to r. It blocks until ctx ends, and then returns nil. It returns the
// error of Validate at once if cfg is wrong, and panics if r is nil or zero.
//
// Watch reads the files themselves and compares their content, so it sees every way of
// replacing them: writing in place, renaming over, and the swap of a symbolic link by
// which Kubernetes updates a volume. Content that is not valid changes nothing, and the
// next valid content is applied. Each content is compared with the one before, valid or
// not, so it is reported once. A missing file counts as a content. A file that has become
// empty is taken for one that is being written, and counts only if it is still empty at
// the next look.
//
// The first look is at once, so that a change since r was made is not lost. It is reported
// only if the content is not valid or changes r. The environment is read at each reload.
func Watch(ctx context.Context, r *registry.Registry, cfg WatchConfig, sources ...Source) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if err := origin.Registry(r); err != nil {
		panic("ductileconfig: Watch: " + err.Error())
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	w := &watcher{r: r, cfg: cfg, sources: sources}
	signals, stop := hangups(cfg.SIGHUP)
	defer stop()
	w.first()
	for {
		switch w.wait(ctx, signals) {
		case ended:
			return nil
		case due:
			w.look(false)
		case asked:
			w.look(true)
		}
	}
}

// wake is why a wait is over.
type wake int

const (
	ended wake = iota
	due
	asked
)

// watcher is used by one goroutine.
type watcher struct {
	r       *registry.Registry
	cfg     WatchConfig
	sources []Source
	last    string // the hash of the content that was reported last
	full    bool   // no file was empty in it
}

// wait waits for the next look. Its timer is stopped whatever ends the wait.
func (w *watcher) wait(ctx context.Context, signals <-chan os.Signal) wake {
	tick := make(chan struct{}, 1) // buffered: the timer may fire while nothing receives
	stop := policy.AfterFunc(w.cfg.Clock, w.cfg.Every, func() { tick <- struct{}{} })
	defer stop()
	select {
	case <-ctx.Done():
		return ended
	case <-signals:
		return asked
	case <-tick:
	}
	if ctx.Err() != nil {
		return ended
	}
	return due
}

// first looks for the first time. It reports only faults and changes.
func (w *watcher) first() {
	now, id, full := w.read()
	w.last, w.full = id, full
	if changes, err := w.reload(now); err != nil || !changes.None() {
		w.tell(changes, err)
	}
}

// look reloads if the content is new, or if must is true.
func (w *watcher) look(must bool) {
	now, id, full := w.read()
	if id == w.last && !must {
		w.full = full
		return
	}
	if !full && w.full && !must {
		w.full = false // being written: next time it counts
		return
	}
	w.last, w.full = id, full
	w.tell(w.reload(now))
}

// read returns the sources with what the files hold now, so that what is loaded is what
// was compared; the hash of it; and whether no file is empty.
func (w *watcher) read() (now []Source, id string, full bool) {
	now, full = append(now, w.sources...), true
	hash := sha256.New()
	for i, source := range now {
		file, ok := source.(tree.File)
		if !ok {
			continue
		}
		content := file.Read()
		now[i] = content
		full = full && (len(content.Data) > 0 || content.Err != nil)
		_, _ = fmt.Fprintf(hash, "%d %d %v\n%s\n", i, len(content.Data), content.Err, content.Data)
	}
	return now, string(hash.Sum(nil)), full
}

// reload loads and applies. If it fails, nothing has changed but the error that the
// registry shows.
func (w *watcher) reload(now []Source) (registry.Changes, error) {
	var l loader
	spec, err := l.load(now)
	if err != nil {
		w.r.Failed(err)
		return registry.Changes{}, err
	}
	var changes registry.Changes
	apart("a function that a reload called", func() { changes, err = w.r.Apply(spec) })
	if err != nil {
		err = l.refused(err)
		w.r.Failed(err)
	}
	return changes, err
}

func (w *watcher) tell(changes registry.Changes, err error) {
	if w.cfg.OnReload != nil {
		apart("WatchConfig.OnReload", func() { w.cfg.OnReload(changes, err) })
	}
}

// apart runs f, which calls functions of the user's, on a goroutine of its own and waits for
// its end. On the goroutine of Watch, a panic would end the process, and runtime.Goexit
// would end the watch without a word. Both are logged.
func apart(what string, f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		returned := false
		defer func() {
			if r := recover(); r != nil {
				log.Printf("ductileconfig: %s panicked: %v\n%s", what, r, debug.Stack())
			} else if !returned {
				log.Printf("ductileconfig: %s called runtime.Goexit", what)
			}
		}()
		f()
		returned = true
	}()
	<-ended
}
