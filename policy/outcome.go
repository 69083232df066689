package policy

import "fmt"

// Outcome is what a call says about the dependency that it called. The zero
// Outcome is Undecided.
type Outcome uint8

const (
	// Undecided leaves the decision to the next rule.
	Undecided Outcome = iota
	// Success counts in favor of the dependency.
	Success
	// Failure counts against it.
	Failure
	// Ignored says nothing about it, as when the caller gave up.
	Ignored
)

var outcomes = [...]string{Undecided: "undecided", Success: "success", Failure: "failure", Ignored: "ignored"}

// String returns "undecided", "success", "failure" or "ignored".
func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// MarshalText returns the same text as String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText accepts the texts that MarshalText returns for the named
// outcomes.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomes {
		if string(text) == name {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("policy: Outcome is %q, want undecided, success, failure or ignored", text)
}
