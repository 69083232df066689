// Package analysis derives from the declaration of policies what they do at worst, and
// what in it cannot work.
//
//	report, err := analysis.Explain(spec, "charge")
//	fmt.Println(report.Attempts.Most, report.Time.Longest)
//	for _, f := range analysis.Check(spec) {
//		fmt.Println(f.Path, f.Text)
//	}
//
// All bounds are for functions that return when their context ends, or timeouts with
// Abandon: a function that does neither can take any time. They assume that no other call
// is helpful: a bound holds in whatever state circuits, budgets and queues are.
package analysis
