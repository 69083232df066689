package redact

import "fmt"

// Error returns the text of err as redact changes it. If Error or redact panics, as Error does
// for many typed nils, the call that the error ended must not fail for that, and nothing of
// the text may be shown: then the text names the type of err instead.
func Error(err error, redact func(string) string) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T, whose text cannot be shown: Error or Redact panicked", err)
		}
	}()
	return redact(err.Error())
}
