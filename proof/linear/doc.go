// Package linear checks that a circuit used by many at once behaves as if its
// operations had been done one after another, each at some moment between its
// call and its return.
//
// A history is made by a few goroutines that call Acquire, Record, State,
// Snapshot, Isolate, Reset and Trip as a seed says. Virtual time stands still
// while they run and moves when they have all come to rest. There, the whole
// Snapshot with its counters and the transitions told are compared too.
// The clock yields the processor when it is read, which the circuit does in the
// middle of its moves; built with the tag ductile_explore, so does each atomic
// operation.
//
// [porcupine] looks for an order. Five things are looser than one moment an
// operation, and are spelt out in the specification:
//
//   - A Record counts its outcome and moves the circuit at two moments, in this
//     order, both before it returns. A call that ends between them has seen the
//     state before.
//   - With a SlowRate in a time window, a Record also judges at a moment of its own,
//     between those two: a call may make one rate more and the other less.
//   - An Acquire, State or Snapshot that finds an open circuit's time elapsed moves
//     it at one moment and takes what it finds at another, later one.
//   - Of several who Acquire from a half-open circuit at the same time, one may be
//     refused for a place, or for the beginning of a new round, that another had
//     taken and did not keep, because the circuit moved on meanwhile or somebody
//     else was first. Nobody is admitted for that reason.
//   - The Counts of a transition are read before the move, one after another. Each
//     is one that the state had since the last rest.
//
// [porcupine]: https://github.com/anishathalye/porcupine
package linear
