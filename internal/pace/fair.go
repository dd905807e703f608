package pace

import "slices"

// FairShare is the max-min fair bound of each of those who want so much of
// total: who wants less gets it, the others share what is left equally. It is
// 0, no bound, where there is enough for all, and where total is 0. It
// sorts wants.
func FairShare(wants []int, total int) int {
	sum := 0
	for _, n := range wants {
		sum += n
	}
	if total == 0 || sum <= total {
		return 0
	}
	slices.Sort(wants)
	for i, n := range wants {
		part := max(1, total/(len(wants)-i))
		if n > part {
			return part
		}
		total -= n
	}
	return 0
}
