package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ductile-go/ductile/internal/logvalue"
)

// EventKind names what happened, in the past tense and in snake_case. A policy of your
// own may emit kinds of its own.
type EventKind string

const (
	// Started reports that the pipeline has begun a call.
	Started EventKind = "started"
	// Attempted reports that an attempt of a retry has ended with Err. Took is the time
	// of this attempt, Elapsed the time since the first attempt began.
	Attempted EventKind = "attempted"
	// Retried reports that another attempt follows after Delay. Attempt is the number of
	// the attempt that ended and Err its error, nil for a rejected value. Reason is
	// "server" if a hint of the server set the delay, else "backoff".
	Retried EventKind = "retried"
	// Recovered reports that Policy rescued a call that had failed: a later attempt of a
	// retry succeeded, or a fallback returned a value. Err is the failure, nil for a
	// rejected value.
	Recovered EventKind = "recovered"
	// GaveUp reports that a retry ended for lack of attempts, time or budget, because
	// the next attempt would be refused, or because the caller left. Err is its
	// *retry.Error, and Reason says why. A final error ends a retry without GaveUp.
	GaveUp EventKind = "gave_up"
	// TimedOut reports that the limit of a timeout passed. Err is the *TimeoutError.
	TimedOut EventKind = "timed_out"
	// FinishedLate reports that a function which a timeout had abandoned has ended. Err
	// is its error, nil for a late success.
	FinishedLate EventKind = "finished_late"
	// FellBack reports that a fallback is about to handle Err, nil for a rejected value.
	FellBack EventKind = "fell_back"
	// Hedged reports that a hedge has begun the extra attempt Attempt. Reason is "delay", with
	// the hedge's Delay between two attempts, or "failure" if a failure began it. The wait was
	// longer than Delay if the budget was exhausted, or if a failure asked for it.
	Hedged EventKind = "hedged"
	// Rejected reports that a policy refused to run the function. Err and Reason say why.
	Rejected EventKind = "rejected"
	// Judged reports that a circuit counted a call as Outcome. Took is the time of the
	// call; Reason is "slow" if the circuit counted it as slow.
	Judged EventKind = "judged"
	// StateChanged reports that this call moved a circuit From one state To another, by
	// its outcome or by its admission.
	StateChanged EventKind = "state_changed"
	// Queued reports that the call waits in the queue of a policy. Delay is how long it
	// will wait, or 0 if that is not known.
	Queued EventKind = "queued"
	// Waited reports that a queued call has been admitted. Delay is how long it waited.
	Waited EventKind = "waited"
	// LimitChanged reports that this call moved an adaptive limit From one number To another.
	LimitChanged EventKind = "limit_changed"
	// Joined reports that the call waits for the flight of another call with the same key.
	Joined EventKind = "joined"
	// Served reports that a cache answered the call with an entry of age Elapsed. From is
	// "fresh", "stale" or "negative". Err is the entry's error, or, for an entry served
	// because the call had failed, that failure.
	Served EventKind = "served"
	// Refreshed reports that a refresh in the background of a cache has ended with Err.
	Refreshed EventKind = "refreshed"
	// StoreFailed reports that a cache's store returned Err. The call went on as after a
	// miss.
	StoreFailed EventKind = "store_failed"
	// Injected reports that a chaos policy injected a fault into the call: Err, or a wait of
	// Delay.
	Injected EventKind = "injected"
	// Forgotten reports that the member Key of the keyed family Pipeline was dropped. For a
	// pipeline inside the members, whose events have the Key too, there is one more.
	Forgotten EventKind = "forgotten"
	// Finished reports that the pipeline has ended a call with Err. Elapsed is measured
	// on the clock of the outermost policy that has one. Attempt is the number of
	// attempts, 1 without a retry. On a success, Reason is the kind of the policy that
	// rescued the call, or "" if none had to.
	Finished EventKind = "finished"
)

// Event reports something that happened in a call. A field that does not apply to it is
// zero. In JSON, Err is its text and times are in nanoseconds.
type Event struct {
	Kind     EventKind     `json:"kind"`
	Pipeline string        `json:"pipeline,omitempty"` // the pipeline's name
	Policy   string        `json:"policy,omitempty"`   // the kind of policy, such as "retry"; empty for the pipeline itself
	Name     string        `json:"name,omitempty"`     // the policy's own name, such as "stripe"
	Key      string        `json:"key,omitempty"`      // a member of a keyed family, such as a host or a tenant
	Attempt  int           `json:"attempt,omitempty"`  // 1 is the first
	Delay    time.Duration `json:"delay,omitempty"`    // a wait, which has ended or is about to begin
	Took     time.Duration `json:"took,omitempty"`     // the time of this attempt or call
	Elapsed  time.Duration `json:"elapsed,omitempty"`  // since the policy or the pipeline began its part of the call; at least 0
	Outcome  Outcome       `json:"outcome,omitzero"`
	Reason   string        `json:"reason,omitempty"` // one of a few constants, such as "open" or "exhausted"
	Err      error         `json:"-"`
	From     string        `json:"from,omitempty"` // the previous state or limit, and To the new one; or what a cache served
	To       string        `json:"to,omitempty"`
}

// eventJSON is an Event with its error as text.
type eventJSON struct {
	*plainEvent
	Err string `json:"err,omitempty"`
}

type plainEvent Event

// MarshalJSON returns the fields that are not zero, with names in snake_case and the
// error as text.
func (e Event) MarshalJSON() ([]byte, error) {
	text := eventJSON{plainEvent: (*plainEvent)(&e)}
	if e.Err != nil {
		text.Err = fmt.Sprint(e.Err) // not Error, which panics for many a nil pointer
	}
	return json.Marshal(text)
}

// UnmarshalJSON reads the output of MarshalJSON. Err becomes a new error with the same
// text, which matches no other error.
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

// LogValue returns the fields that are not zero, with names in snake_case.
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

// Observer receives events, on the goroutine of the call and before the call goes on.
// It should be quick, and it must be safe for concurrent use.
type Observer func(ctx context.Context, e Event)
