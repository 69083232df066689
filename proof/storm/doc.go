// Package storm throws faults at random pipelines and keeps the books.
//
// A scene is a pipeline of 1 to 6 policies with random valid configs, two
// circuits and a budget that they share, and a number of calls whose functions
// succeed, fail, panic, call runtime.Goexit, hang until they are cancelled, pay
// no attention to being cancelled, or cancel their own caller. It runs in a
// synctest bubble, on real time, which is virtual there, or on an AutoAdvance
// clock. Some scenes make one call after another, and are played twice: their
// histories must be the same, byte for byte. In the others eight callers share
// the pipeline.
//
// What must hold in each: see [scene.audit] and [scene.settle].
package storm
