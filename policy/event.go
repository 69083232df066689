package policy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// EventKind says what happened, in the past tense and in snake_case. The kinds are
// open: a policy may emit kinds of its own.
type EventKind string

const (
	// Started says that the pipeline has begun a call.
	Started EventKind = "started"
	// Attempted says that an attempt of a retry has ended, with Err. Took is the
	// attempt's own time, Elapsed the time since the first attempt began.
	Attempted EventKind = "attempted"
	// Retried says that another attempt follows after Delay. Attempt is the number of
	// the one that ended and Err its error, nil for a refused value. Reason is
	// "server" if a server's hint set the delay, else "backoff".
	Retried EventKind = "retried"
	// Recovered says that Policy rescued a call that had failed: a later attempt of a
	// retry succeeded, or a fallback answered. Err is the failure that it made good,
	// nil for a refused value.
	Recovered EventKind = "recovered"
	// GaveUp says that a retry ran out of attempts, time or budget, that its next
	// attempt would be refused, or that its caller left. Err is its *retry.Error and
	// Reason why. A final error ends a retry without this event.
	GaveUp EventKind = "gave_up"
	// TimedOut says that a timeout expired; Err is its *TimeoutError.
	TimedOut EventKind = "timed_out"
	// FinishedLate says that a function which a timeout had abandoned has ended; Err is
	// its error, nil for a late success.
	FinishedLate EventKind = "finished_late"
	// FellBack says that a fallback is about to take over from Err, nil for a refused
	// value.
	FellBack EventKind = "fell_back"
	// Rejected says that a policy refused to run the function; Err and Reason say why.
	Rejected EventKind = "rejected"
	// Judged says that a circuit counted a call as Outcome. Took is the call's own
	// time; Reason is "slow" if the circuit counted it as slow.
	Judged EventKind = "judged"
	// StateChanged says that this call moved a circuit From one state To another, by
	// its outcome or by its admission.
	StateChanged EventKind = "state_changed"
	// Finished says that the pipeline has ended a call, with Err. Elapsed is measured
	// on the clock of the outermost policy that was given one. Attempt is how many
	// attempts were made, 1 without a retry. On a success, Reason is the kind of the
	// policy that rescued the call, empty if none had to.
	Finished EventKind = "finished"
)

// Event is something that happened in a call. Fields that a kind does not mention
// are zero. It is passed by value; its JSON has the error as text.
type Event struct {
	Kind     EventKind     `json:"kind"`
	Pipeline string        `json:"pipeline,omitempty"` // the pipeline's name, if it has one
	Policy   string        `json:"policy,omitempty"`   // the kind of the policy, as "retry"; empty if it is the pipeline itself
	Name     string        `json:"name,omitempty"`     // the policy's own name, as "stripe"
	Key      string        `json:"key,omitempty"`      // a member of a family, as a host or a tenant
	Attempt  int           `json:"attempt,omitempty"`  // 1 is the first
	Delay    time.Duration `json:"delay,omitempty"`    // the wait that is about to begin; in JSON, as all times, in nanoseconds
	Took     time.Duration `json:"took,omitempty"`     // the time of this attempt or call
	Elapsed  time.Duration `json:"elapsed,omitempty"`  // since the policy's, or the pipeline's, part of the call began; at least 0
	Outcome  Outcome       `json:"outcome,omitzero"`
	Reason   string        `json:"reason,omitempty"` // one of a few constants, as "open" or "exhausted"
	Err      error         `json:"-"`
	From     string        `json:"from,omitempty"` // a circuit's states
	To       string        `json:"to,omitempty"`
}

// eventJSON is an Event whose error is text.
type eventJSON struct {
	*plainEvent
	Err string `json:"err,omitempty"`
}

type plainEvent Event

// MarshalJSON returns the fields that are not zero, under their names in
// snake_case. The error becomes its text.
func (e Event) MarshalJSON() ([]byte, error) {
	text := eventJSON{plainEvent: (*plainEvent)(&e)}
	if e.Err != nil {
		text.Err = e.Err.Error()
	}
	return json.Marshal(text)
}

// UnmarshalJSON reads what MarshalJSON wrote. Err becomes an error of the same
// text, which matches no other.
func (e *Event) UnmarshalJSON(data []byte) error {
	text := eventJSON{plainEvent: &plainEvent{}}
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*e = Event(*text.plainEvent)
	if text.Err != "" {
		e.Err = errors.New(text.Err)
	}
	return nil
}

// LogValue returns the fields that are not zero, under their names in snake_case.
func (e Event) LogValue() slog.Value {
	outcome := ""
	if e.Outcome != Undecided {
		outcome = e.Outcome.String()
	}
	return logvalue.Group(
		slog.String("kind", string(e.Kind)),
		slog.String("pipeline", e.Pipeline),
		slog.String("policy", e.Policy),
		slog.String("name", e.Name),
		slog.String("key", e.Key),
		slog.Int("attempt", e.Attempt),
		slog.Duration("delay", e.Delay),
		slog.Duration("took", e.Took),
		slog.Duration("elapsed", e.Elapsed),
		slog.String("outcome", outcome),
		slog.String("reason", e.Reason),
		slog.Any("err", e.Err),
		slog.String("from", e.From),
		slog.String("to", e.To),
	)
}

// Observer is told of events, on the goroutine of the call that they belong to and
// before the call goes on, so it should be quick. It must be safe for concurrent
// use.
type Observer func(ctx context.Context, e Event)
