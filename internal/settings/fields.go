package settings

import (
	"iter"
	"reflect"
	"strings"
	"unicode"
)

// Fields lists the settings of a struct with the names of their flags.
// Embedded structs count as their fields.
func Fields(t reflect.Type) iter.Seq2[reflect.StructField, string] {
	return func(yield func(reflect.StructField, string) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if f.Anonymous {
				continue
			}
			if !yield(f, flagName(f)) {
				return
			}
		}
	}
}

// flagName names the flag of a field as kong does: by its tag, or in lower
// case with a dash before each word.
func flagName(f reflect.StructField) string {
	if name, ok := f.Tag.Lookup("name"); ok {
		return name
	}
	var b strings.Builder
	for i, r := range f.Name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
