package policy

import "fmt"

// Outcome says what a call means for the dependency that it called. The zero Outcome is
// Undecided.
type Outcome uint8

const (
	// Undecided leaves the decision to the next rule.
	Undecided Outcome = iota
	// Success counts in favor of the dependency.
	Success
	// Failure counts against the dependency.
	Failure
	// Ignored does not count, for example because the caller gave up.
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

// MarshalText returns the text of String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText accepts the four texts that String returns for named outcomes.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomes {
		if string(text) == name {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("policy: Outcome is %q, want undecided, success, failure or ignored", text)
}
