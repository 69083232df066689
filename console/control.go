package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ductile-go/ductile/breaker"
	"github.com/ductile-go/ductile/policy"
)

// The actions that a console can carry out.
const (
	Trip    = "trip"    // opens the circuit for Action.For, or for its recovery timeout
	Isolate = "isolate" // refuses all calls until Reset
	Reset   = "reset"   // closes the circuit
)

// Action is an order to a circuit. Its JSON, as /control reads it, is
//
//	{"circuit": "stripe", "action": "trip", "for": "30s", "reason": "drill"}
type Action struct {
	Circuit string        // the circuit's name
	Action  string        // Trip, Isolate or Reset
	For     time.Duration // of a Trip; 0 means the circuit's recovery timeout
	Reason  string        // shown by the circuit and in its errors; may be empty
}

const (
	maxBody   = 4 << 10 // bytes of an Action's JSON
	maxReason = 200     // characters of a reason
)

// serveControl carries out an action. It answers 204 if the circuit has done it, 403 if the
// console is read-only, the request comes from another site or Allow refused it, 404 for an
// unknown circuit, 409 if an isolated circuit cannot be tripped, and 400 or 415 for a
// request that it does not understand.
func (c *Console) serveControl(w http.ResponseWriter, r *http.Request) {
	if c.cfg.Allow == nil {
		refuse(w, http.StatusForbidden, "this console is read-only: Config.Allow is nil")
		return
	}
	if err := c.cross.Check(r); err != nil {
		refuse(w, http.StatusForbidden, err.Error())
		return
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "Content-Type is "+quoted(r.Header.Get("Content-Type"))+", want application/json")
		return
	}
	a, err := readAction(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if err := c.cfg.Allow(r, a); err != nil {
		refuse(w, http.StatusForbidden, "not allowed: "+textOf(err, c.cfg.Redact))
		return
	}
	circuit := c.find(a.Circuit)
	if circuit == nil {
		refuse(w, http.StatusNotFound, "no circuit "+quoted(a.Circuit))
		return
	}
	if !c.act(circuit, a, r) {
		refuse(w, http.StatusConflict, "circuit "+quoted(a.Circuit)+" is isolated; reset it first")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func refuse(w http.ResponseWriter, status int, text string) {
	http.Error(w, "console: "+text, status)
}

// act carries out an action, and reports false if the circuit does not do that. An action
// that moves the circuit is on the event of the move, any other has an event of its own.
func (c *Console) act(w *watched, a Action, r *http.Request) bool {
	actor := ""
	if c.cfg.Actor != nil {
		actor = c.cfg.Actor(r)
	}
	from := w.State()
	heard := w.do(a, actor)
	done := a.Action != Trip || w.State() != breaker.Isolated
	slog.Default().LogAttrs(r.Context(), slog.LevelWarn, "console: "+a.Action+" by hand",
		slog.String("circuit", a.Circuit), slog.Duration("for", a.For), slog.String("reason", a.Reason),
		slog.String("actor", actor), slog.String("remote", r.RemoteAddr), slog.Bool("done", done))
	if !heard && done {
		c.journal.add(&event{
			At: policy.Now(w.clock), Kind: "controlled", Name: w.Name(), From: from.String(), To: w.State().String(),
			Reason: a.Action + ": " + orByHand(a.Reason), Actor: actor,
		})
	}
	return done
}

// readAction reads and checks the JSON of an action.
func readAction(body io.Reader) (Action, error) {
	var in struct{ Circuit, Action, For, Reason string }
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return Action{}, fmt.Errorf("the body is no action: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Action{}, errors.New("the body goes on after the action")
	}
	a := Action{Circuit: in.Circuit, Action: in.Action, Reason: in.Reason}
	if a.Action != Trip && a.Action != Isolate && a.Action != Reset {
		return Action{}, fmt.Errorf("action is %s, want trip, isolate or reset", quoted(a.Action))
	}
	if in.For != "" {
		d, err := time.ParseDuration(in.For)
		if err != nil || d < 0 || d > 0 && a.Action != Trip { // 0s is what a Go client writes for none
			return Action{}, fmt.Errorf(`for is %s, want a duration such as "30s", with a trip alone`, quoted(in.For))
		}
		a.For = d
	}
	if utf8.RuneCountInString(a.Reason) > maxReason || hasControl(a.Reason) {
		return Action{}, fmt.Errorf("reason is %s, want at most %d characters on one line", quoted(a.Reason), maxReason)
	}
	return a, nil
}

// hasControl reports whether s has a character that could forge a line of a log.
func hasControl(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}
