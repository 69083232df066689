package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/ductile-go/ductile/cmd/ductile/internal/analysis"
)

// github prints the findings as workflow commands of GitHub Actions, which marks the lines
// in a pull request.
func github(w io.Writer, all []diagnostic) {
	kinds := map[analysis.Severity]string{analysis.Error: "error", analysis.Warning: "warning", analysis.Note: "notice"}
	for _, d := range all {
		text, properties := d.sentence(), ""
		if d.Line > 0 {
			properties = fmt.Sprintf("file=%s,line=%d,", inProperty(d.File), d.Line)
			if d.Column > 0 {
				properties += fmt.Sprintf("col=%d,", d.Column)
			}
		} else {
			text = d.place() + ": " + text
		}
		fmt.Fprintf(w, "::%s %stitle=%s::%s\n", kinds[d.Severity], properties, inProperty("ductile: "+d.Code), inMessage(text))
	}
}

// The escapes of a workflow command, as the toolkit of GitHub Actions makes them.
var (
	messageEscapes  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func inMessage(s string) string  { return messageEscapes.Replace(s) }
func inProperty(s string) string { return propertyEscapes.Replace(s) }
