package policy

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// EventKind says what happened, in the past tense.
type EventKind uint8

const (
	// Attempted says that a retry's attempt has ended; Attempt, Elapsed and Err tell of it.
	Attempted EventKind = iota + 1
	// Retried says that an attempt is given up for another, after Delay. Attempt is the
	// number of the one that ended and Err its error, nil for a refused value.
	Retried
	// GaveUp says that a retry ran out of attempts, time, tokens or its caller; Err is its
	// *retry.Error. A final error, such as a rejection, ends a retry without it: Attempted
	// has told of that.
	GaveUp
	// TimedOut says that a timeout expired; Err is its *TimeoutError.
	TimedOut
	// FinishedLate says that a function which a timeout had abandoned has ended; Err is its
	// error, nil for a late success.
	FinishedLate
	// FellBack says that a fallback is about to take over from Err, nil for a refused value.
	FellBack
	// Rejected says that a policy refused to run the function; Err says why.
	Rejected
	// StateChanged says that this call's outcome moved a circuit From one state To another.
	StateChanged
	// Finished says that the whole pipeline has ended, with Err. Elapsed is measured on the
	// clock of the outermost policy that was given one.
	Finished
)

var kinds = [...]string{
	Attempted: "attempted", Retried: "retried", GaveUp: "gave up", TimedOut: "timed out",
	FinishedLate: "finished late", FellBack: "fell back", Rejected: "rejected",
	StateChanged: "state changed", Finished: "finished",
}

// String returns the kind in words: "gave up".
func (k EventKind) String() string {
	if int(k) < len(kinds) && kinds[k] != "" {
		return kinds[k]
	}
	return fmt.Sprintf("event(%d)", uint8(k))
}

// MarshalText returns what String does, for logs and JSON.
func (k EventKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Event is something that happened in a call. Fields that a kind does not
// mention are zero.
type Event struct {
	Kind     EventKind
	Pipeline string        // the pipeline's name, empty if it has none
	Policy   string        // the policy's name, or its kind ("retry") if it has none
	Attempt  int           // 1 is the first
	Delay    time.Duration // the wait that is about to begin
	Elapsed  time.Duration // since the policy's, or the pipeline's, part of the call began; never less than 0
	Err      error
	From, To string // a circuit's states
}

// LogValue returns the fields that are not zero, under their names in lower case.
func (e Event) LogValue() slog.Value {
	return logvalue.Group(
		slog.String("kind", e.Kind.String()),
		slog.String("pipeline", e.Pipeline),
		slog.String("policy", e.Policy),
		slog.Int("attempt", e.Attempt),
		slog.Duration("delay", e.Delay),
		slog.Duration("elapsed", e.Elapsed),
		slog.Any("err", e.Err),
		slog.String("from", e.From),
		slog.String("to", e.To),
	)
}

// Observer is told of events, on the goroutine of the call that they belong to
// and before the call goes on, so it should be quick. It must be safe for
// concurrent use.
type Observer func(ctx context.Context, e Event)

// Observers returns an observer that tells each of those given that is not nil,
// in order, or nil if none is left.
func Observers(observers ...Observer) Observer {
	var some []Observer
	for _, o := range observers {
		if o != nil {
			some = append(some, o)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return func(ctx context.Context, e Event) {
		for _, o := range some {
			o(ctx, e)
		}
	}
}

// typeName returns the type of v without package paths or type arguments.
func typeName(v any) string {
	name, _, _ := strings.Cut(fmt.Sprintf("%T", v), "[")
	return name
}
