package ductilehttp

import "strconv"

// statusTypes has the texts of all status codes, so that ErrorType allocates nothing.
var statusTypes = func() (texts [600]string) {
	for code := range texts {
		texts[code] = strconv.Itoa(code)
	}
	return texts
}()

// ErrorType returns the status code, "503": the value of the label error.type, by which
// package observe counts the error.
func (e *StatusError) ErrorType() string {
	if e.StatusCode >= 0 && e.StatusCode < len(statusTypes) {
		return statusTypes[e.StatusCode]
	}
	return strconv.Itoa(e.StatusCode)
}
