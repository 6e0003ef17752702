//go:build race

package main

// raceDetector says that the tests run under the race detector, which slows
// them down.
const raceDetector = true
