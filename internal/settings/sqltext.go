package settings

import (
	"slices"
	"strings"
)

// ValidateSQL looks at the outside of a statement; pushd check runs it.
func ValidateSQL(name, verb, sql string, marks int, p *Problems) {
	if sql == "" {
		return
	}
	bare, open := code(sql)
	bare = strings.TrimRight(bare, "; \t\r\n")
	if open != "" {
		p.Add(name, "has %s that is not closed", open)
		return
	}
	if verbOf(bare) != verb {
		p.Add(name, "does not start with %s", verb)
	}
	if strings.Contains(bare, ";") {
		p.Add(name, "holds more than one statement")
	}
	if n := Marks(sql); n != marks {
		p.Add(name, "has %d question marks outside quotes and comments; allowed: %d", n, marks)
	}
}

// Marks counts the question marks of a statement that stand for values.
func Marks(sql string) int {
	bare, _ := code(sql)
	return strings.Count(bare, "?")
}

// code is a statement with a blank for each quoted text and each comment:
// a URL or a remark may well hold a question mark. open names what is
// not closed at the end.
func code(sql string) (bare, open string) {
	var b strings.Builder
	for sql != "" {
		n, what := piece(sql)
		switch {
		case n > len(sql):
			return b.String(), what
		case what == "":
			b.WriteString(sql[:n])
		default:
			b.WriteByte(' ')
		}
		sql = sql[n:]
	}
	return b.String(), ""
}

// piece says how long the first piece of a statement is, and what it is unless
// it is code. One that does not end is longer than the statement.
func piece(sql string) (length int, what string) {
	beyond := len(sql) + 1
	switch {
	case strings.ContainsRune("'\"`", rune(sql[0])):
		return quoted(sql), "a quote"
	case strings.HasPrefix(sql, "/*!"), strings.HasPrefix(sql, "/*M!"): // MySQL runs what is in it
		n := strings.IndexByte(sql, '!') + 1
		for n < len(sql) && sql[n] >= '0' && sql[n] <= '9' {
			n++
		}
		return n, " "
	case strings.HasPrefix(sql, "*/"): // the end of such a one
		return 2, " "
	case strings.HasPrefix(sql, "/*"):
		if end := strings.Index(sql[2:], "*/"); end >= 0 {
			return end + 4, "a comment"
		}
		return beyond, "a comment"
	case sql[0] == '#', strings.HasPrefix(sql, "--") && (len(sql) == 2 || sql[2] <= ' '):
		if end := strings.IndexByte(sql, '\n'); end >= 0 {
			return end, "a comment"
		}
		return len(sql), "a comment"
	}
	return 1, ""
}

// quoted is how long the quoted text is with which a statement begins. A quote
// that is doubled ends one text and begins the next, which comes to the same.
func quoted(sql string) int {
	for i := 1; i < len(sql); i++ {
		switch {
		case sql[i] == sql[0]:
			return i + 1
		case sql[i] == '\\' && sql[0] != '`':
			i++
		}
	}
	return len(sql) + 1
}

// verbOf is the verb of a statement's code in capitals: its first word; of one
// that begins with WITH the verb behind what that defines.
func verbOf(bare string) string {
	verbs := []string{"SELECT", "UPDATE", "INSERT", "DELETE", "REPLACE", "TABLE", "VALUES"}
	depth, with := 0, false
	for word := range strings.FieldsSeq(spaced(strings.TrimLeft(bare, "( \t\r\n"))) {
		word = strings.ToUpper(word)
		switch {
		case word == "(":
			depth++
		case word == ")":
			depth--
		case !with && word == "WITH":
			with = true
		case !with || depth == 0 && slices.Contains(verbs, word):
			return word
		}
	}
	return ""
}

// spaced puts blanks round parentheses.
func spaced(text string) string {
	return strings.NewReplacer("(", " ( ", ")", " ) ", ",", " , ", ";", " ; ").Replace(text)
}

// WithoutTail cuts a semicolon at the end off, with the comments behind it, for
// a server takes one statement and nothing more.
func WithoutTail(sql string) string {
	for rest, at := sql, 0; rest != ""; {
		n, what := piece(rest)
		if what == "" && rest[0] == ';' {
			return sql[:at]
		}
		n = min(n, len(rest))
		rest, at = rest[n:], at+n
	}
	return sql
}
