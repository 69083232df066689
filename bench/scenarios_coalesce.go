package bench

func init() {
	Scenarios = append(Scenarios,
		Scenario{
			Name: "FlightAlone", Title: "A flight that no other call joins",
			Notes: flightNotes,
		},
		Scenario{
			Name: "FlightShared", Title: "The same, all goroutines with one key",
			Notes: flightNotes,
		},
	)
}

var flightNotes = map[string]string{
	"ductile":    "a goroutine for each flight; a caller may leave, and the flight ends with the last",
	"xsync-chan": "x/sync/singleflight's DoChan and a select on the context; a goroutine for each flight, which nothing ends",
	"xsync-do":   "x/sync/singleflight's Do: on the first caller's goroutine, and no caller can leave",
	"gozero":     "syncx.SingleFlight: on the first caller's goroutine, and no caller can leave",
}
