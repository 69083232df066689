package console_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/console"
)

type brokenError struct{}

func (*brokenError) Error() string { panic("typed nil") }

func TestATextThatCannotBeMadeIsNotShown(t *testing.T) {
	broken, secret := quick("broken", nil), quick("secret", nil)
	base := serve(t, console.New(console.Config{
		Circuits: []*breaker.Circuit{broken, secret},
		Redact: func(s string) string {
			if strings.Contains(s, "hunter2") {
				panic("a bug of Redact")
			}
			return s
		},
	}))
	fail(broken, (*brokenError)(nil))
	fail(secret, errors.New("hunter2"))
	_, _, body := request(t, http.MethodGet, base+"snapshot", "")
	assert.NotContains(t, body, "hunter2")
	assert.Contains(t, body, "*errors.errorString, whose text cannot be shown")
	assert.Contains(t, body, "*console_test.brokenError, whose text cannot be shown")
	assert.NotContains(t, mustJSON(t, events(t, base, "")), "hunter2")
}

func TestALongTextIsRedactedBeforeItIsCut(t *testing.T) {
	c := quick("c", nil)
	base := serve(t, console.New(console.Config{Circuits: []*breaker.Circuit{c}}))
	fail(c, errors.New(strings.Repeat("é", 490)+" https://bob:hunter2secret@db.example/x"))
	cause := snapshot(t, base).Circuits[0].Cause
	assert.LessOrEqual(t, len(cause), 1010)
	assert.NotContains(t, cause, "bob")
	assert.NotContains(t, cause, "\uFFFD")
	assert.Equal(t, cause, events(t, base, "")[0].Err)
}
