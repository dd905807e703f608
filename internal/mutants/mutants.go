package main

import "slices"

// Where tests are.
const (
	simulation = "./internal/fanout TestSimulation"
	crash      = "./internal/crashtest TestCrash/scenarios/"
	history    = "./internal/crashtest TestHistory$"
)

// mutants is the list. Each is a mistake that another sender has made, or
// that would be easy to make here.
func mutants() []mutant {
	return slices.Concat(mutantsOfSending(), mutantsOfLedger(), mutantsOfControl(), mutantsOfPHP())
}
