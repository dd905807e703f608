//go:build !race

package pace

// seeds are enough to meet bad luck, and few enough to be quick.
const seeds = 5
