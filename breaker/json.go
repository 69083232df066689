package breaker

import (
	"encoding/json"
	"errors"
)

type plainSnapshot Snapshot

// MarshalJSON returns the state and the fields that are not zero, under their names
// in snake_case. The cause becomes its text.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainSnapshot
		Cause string `json:"cause,omitempty"`
	}{plainSnapshot(s), textOf(s.Cause)})
}

// UnmarshalJSON reads what MarshalJSON wrote. Cause becomes an error of the same text,
// which matches no other.
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

type plainTransition Transition

// MarshalJSON returns the states and the fields that are not zero, under their names
// in snake_case. The cause becomes its text.
func (t Transition) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainTransition
		Cause string `json:"cause,omitempty"`
	}{plainTransition(t), textOf(t.Cause)})
}

// UnmarshalJSON reads what MarshalJSON wrote. Cause becomes an error of the same text,
// which matches no other.
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
	return err.Error()
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
