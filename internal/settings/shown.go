package settings

import (
	"fmt"
	"reflect"
)

// Shown lists all settings as lines of an environment file, for those who look
// for a fault. Secrets and openids are not among what it shows.
func (s Settings) Shown() (lines []string) {
	of := reflect.ValueOf(s)
	for f, flag := range Fields(of.Type()) {
		value := of.FieldByIndex(f.Index).Interface()
		if ids, ok := value.(OpenIDs); ok {
			value = ""
			if len(ids) > 0 {
				value = fmt.Sprintf("[%d openids]", len(ids))
			}
		}
		lines = append(lines, fmt.Sprintf("%s=%v", EnvName(flag), value))
	}
	return lines
}
