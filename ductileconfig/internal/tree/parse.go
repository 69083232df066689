package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Parse returns the values of one document of YAML, or of JSON, which is YAML too. It
// returns nil if the document is empty, or if it adds faults.
func Parse(at Place, data []byte, faults *Faults) *Node {
	at.Line, at.Column = 0, 0
	if len(data) > MaxBytes {
		faults.Add(at, Fault{Problem: fmt.Sprintf("the file is larger than %d bytes, the limit", MaxBytes)})
		return nil
	}
	at.Text = NewText(string(data))
	if !checkText(at, data, faults) {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		addSyntax(at, err, faults)
		return nil
	}
	if !checkSingle(at, decoder, faults) {
		return nil
	}
	return convert(at, document.Content[0], faults)
}

// checkSingle adds a fault if another document follows.
func checkSingle(at Place, decoder *yaml.Decoder, faults *Faults) bool {
	var second yaml.Node
	err := decoder.Decode(&second)
	switch {
	case errors.Is(err, io.EOF):
		return true
	case err != nil:
		addSyntax(at, err, faults)
	default:
		at.Line, at.Column = second.Line, second.Column
		faults.Add(at, Fault{Problem: "a second document begins here, want one", Hint: "put it in a file of its own and load both"})
	}
	return false
}

// checkText adds a fault at the first character that is none of a text.
func checkText(at Place, data []byte, faults *Faults) bool {
	at.Line, at.Column = 1, 1
	rest := bytes.TrimPrefix(data, []byte(mark))
	for len(rest) > 0 {
		r, width := utf8.DecodeRune(rest)
		if r == utf8.RuneError && width == 1 {
			faults.Add(at, Fault{Problem: fmt.Sprintf("the byte %#02x is not UTF-8", rest[0]), Hint: "save the file as UTF-8"})
			return false
		}
		if !allowed(r) {
			faults.Add(at, Fault{Problem: fmt.Sprintf("the control character %U is not allowed", r)})
			return false
		}
		rest = rest[width:]
		switch {
		case r == '\r' && len(rest) > 0 && rest[0] == '\n':
		case r == '\r' || r == '\n' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			at.Line, at.Column = at.Line+1, 1
		default:
			at.Column++
		}
	}
	return true
}

// allowed reports whether the YAML specification allows a character.
func allowed(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xa0:
		return r <= '~' || r == '\u0085'
	}
	return r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000
}

var (
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	anchor   = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// addSyntax adds the parser's error. The parser says the line at best: counted from 1 if
// the error is of a token, from 0 if it is of the order of tokens.
func addSyntax(at Place, err error, faults *Faults) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	at.Line = 1
	order := strings.Contains(message, "did not find expected")
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = message[len(m[0]):]
		at.Line, _ = strconv.Atoi(m[1])
		if order {
			at.Line++
		}
	}
	at.Line = at.Text.lastLine(at.Line)
	fault := Fault{Problem: "not valid YAML: " + message}
	if m := anchor.FindStringSubmatch(message); m != nil {
		at.Line, at.Column, _ = at.Text.find("*" + m[1])
		fault = Fault{Problem: "unknown anchor " + m[1], Hint: "an anchor &" + m[1] + " stands above its first use"}
	}
	if strings.HasPrefix(at.Text.Line(at.Line), "\t") {
		fault.Hint = "indent with spaces: YAML allows no tabs there"
	}
	faults.Add(at, fault)
}
