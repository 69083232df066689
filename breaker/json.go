package breaker

import (
	"encoding/json"
	"errors"
	"fmt"
)

// plainSnapshot has the fields of Snapshot without its methods.
type plainSnapshot Snapshot

// MarshalJSON returns an object of the state and the fields that are not zero, with names
// in snake_case. The cause becomes its text.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainSnapshot
		Cause string `json:"cause,omitempty"`
	}{plainSnapshot(s), textOf(s.Cause)})
}

// UnmarshalJSON reads what MarshalJSON has written. Cause becomes an error with the same
// text, which matches no other error.
func (s *Snapshot) UnmarshalJSON(data []byte) error {
	var text struct {
		plainSnapshot
		Cause string `json:"cause"`
	}
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*s = Snapshot(text.plainSnapshot)
	s.Cause = errorOf(text.Cause)
	return nil
}

// plainTransition has the fields of Transition without its methods.
type plainTransition Transition

// MarshalJSON returns an object of the states and the fields that are not zero, with names
// in snake_case. The cause becomes its text.
func (t Transition) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainTransition
		Cause string `json:"cause,omitempty"`
	}{plainTransition(t), textOf(t.Cause)})
}

// UnmarshalJSON reads what MarshalJSON has written. Cause becomes an error with the same
// text, which matches no other error.
func (t *Transition) UnmarshalJSON(data []byte) error {
	var text struct {
		plainTransition
		Cause string `json:"cause"`
	}
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*t = Transition(text.plainTransition)
	t.Cause = errorOf(text.Cause)
	return nil
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprint(err) // not Error, which panics for many a nil pointer
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
