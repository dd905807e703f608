package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"pushd/internal/settings"
)

// completionCmd prints what lets a shell complete pushd's command line. The packages
// install it for all three.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run implements the command. All three shells have a builtin named pushd, whose own
// completion they keep.
func (c *completionCmd) Run(a *app) error {
	parser, err := newParser(a, &commands{}, func(int) {})
	if err != nil {
		return err
	}
	scripts := map[string]func([]place) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	_, err = fmt.Fprint(a.stdout, scripts[c.Shell](places(parser.Model.Node, nil)))
	return err
}

// place is a command, or a group of them, and what may follow it.
type place struct {
	path  string // words of the command line, such as "job list"; "" is the root
	words []word // commands and flags
}

// word is one of them.
type word struct {
	text   string
	help   string
	flag   bool
	value  bool     // a value follows it
	values []string // those that there are, if they are known
}

// places lists a command and those below it, the outer one first.
func places(n *kong.Node, path []string) []place {
	p := place{path: strings.Join(path, " ")}
	below := []place{}
	for _, child := range n.Children {
		if child.Hidden {
			continue
		}
		p.words = append(p.words, word{text: child.Name, help: firstSentence(child.Help)})
		below = append(below, places(child, append(path[:len(path):len(path)], child.Name))...)
	}
	for _, arg := range n.Positional {
		for _, value := range arg.EnumSlice() {
			if value != "" {
				p.words = append(p.words, word{text: value})
			}
		}
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			p.words = append(p.words, flagWord(f))
		}
	}
	return append([]place{p}, below...)
}

func flagWord(f *kong.Flag) word {
	w := word{text: "--" + f.Name, help: firstSentence(f.Help), flag: true, value: !f.IsBool() && !f.IsCounter()}
	if list := f.Tag.Get("oneof"); list != "" {
		w.values = settings.Split(list)
	} else if f.Enum != "" {
		w.values = f.EnumSlice()
	}
	return w
}

// firstSentence is as much of a help text as a list has room for.
func firstSentence(text string) string {
	text, _, _ = strings.Cut(text, "; ")
	text, _, _ = strings.Cut(text, ". ")
	return strings.TrimSuffix(text, ".")
}

// texts are those of some words.
func texts(of []word, keep func(word) bool) string {
	var all []string
	for _, w := range of {
		if keep(w) {
			all = append(all, w.text)
		}
	}
	return strings.Join(all, " ")
}

func isFlag(w word) bool    { return w.flag }
func isWord(w word) bool    { return !w.flag }
func wantsWord(w word) bool { return w.flag && w.value }

// bashCompletion writes for bash, with what bash has itself alone.
func bashCompletion(all []place) string {
	var b strings.Builder
	b.WriteString(`# bash completion for pushd; made by "pushd completion bash".
_pushd_program() {
    local cur=$2 prev=$3 path="" words="" flags="" valued="" i w
    # The shell's own pushd changes the directory, and keeps doing so.
    if [[ $1 == pushd && $(type -t pushd) == builtin ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        w=${COMP_WORDS[i]}
        case "$path/$w" in
`)
	for _, p := range all {
		for _, w := range p.words {
			if !w.flag && hasPlace(all, p.path, w.text) {
				fmt.Fprintf(&b, "        %q) path=%q ;;\n", p.path+"/"+w.text, strings.TrimSpace(p.path+" "+w.text))
			}
		}
	}
	b.WriteString("        esac\n    done\n    case \"$path\" in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "    %q)\n        words=%q\n        flags=%q\n        valued=%q\n        ;;\n",
			p.path, texts(p.words, isWord), texts(p.words, isFlag), texts(p.words, wantsWord))
	}
	b.WriteString("    esac\n    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n    [[ $cur == = ]] && cur= && prev=${COMP_WORDS[COMP_CWORD - 1]}\n    case \"$prev\" in\n")
	for _, w := range valuesOf(all) {
		fmt.Fprintf(&b, "    %s)\n        mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\")\n        return\n        ;;\n", w.text, strings.Join(w.values, " "))
	}
	b.WriteString(`    esac
    if [[ " $valued " == *" $prev "* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    fi
}
complete -F _pushd_program pushd /usr/bin/pushd /usr/local/bin/pushd
`)
	return b.String()
}

// hasPlace says whether a word of a place leads to another one.
func hasPlace(all []place, path, text string) bool {
	for _, p := range all {
		if p.path == strings.TrimSpace(path+" "+text) {
			return true
		}
	}
	return false
}

// valuesOf are the flags whose values are known, each once.
func valuesOf(all []place) (flags []word) {
	seen := map[string]bool{}
	for _, p := range all {
		for _, w := range p.words {
			if len(w.values) > 0 && !seen[w.text] {
				seen[w.text] = true
				flags = append(flags, w)
			}
		}
	}
	return flags
}

// zshCompletion writes for zsh: it is tried for paths that end in /pushd alone.
func zshCompletion(all []place) string {
	var b strings.Builder
	b.WriteString(`#compdef -p */pushd
# zsh completion for pushd; made by "pushd completion zsh".
local path_= i w
local -a words_ flags_
for ((i = 2; i < CURRENT; i++)); do
  w=$words[i]
  case "$path_/$w" in
`)
	for _, p := range all {
		for _, w := range p.words {
			if !w.flag && hasPlace(all, p.path, w.text) {
				fmt.Fprintf(&b, "    %s) path_=%s ;;\n", zshQuote(p.path+"/"+w.text), zshQuote(strings.TrimSpace(p.path+" "+w.text)))
			}
		}
	}
	b.WriteString("  esac\ndone\ncase $words[CURRENT-1] in\n")
	for _, w := range valuesOf(all) {
		fmt.Fprintf(&b, "  %s) compadd -- %s; return ;;\n", w.text, strings.Join(w.values, " "))
	}
	b.WriteString("esac\ncase $path_ in\n")
	for _, p := range all {
		fmt.Fprintf(&b, "  %s)\n    words_=(", zshQuote(p.path))
		for _, w := range p.words {
			if !w.flag {
				b.WriteString("\n      " + zshQuote(described(w)))
			}
		}
		b.WriteString(")\n    flags_=(")
		for _, w := range p.words {
			if w.flag {
				b.WriteString("\n      " + zshQuote(described(w)))
			}
		}
		b.WriteString(")\n    ;;\n")
	}
	b.WriteString(`esac
if [[ $PREFIX == -* ]]; then
  _describe -o flag flags_
elif (( $#words_ )); then
  _describe command words_
else
  _files
fi
`)
	return b.String()
}

// described is a word with its help, as _describe has it.
func described(w word) string {
	return strings.ReplaceAll(w.text, ":", `\:`) + ":" + w.help
}

func zshQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// fishCompletion writes for fish: for the path alone, for pushd itself is a function
// of the shell's.
func fishCompletion(all []place) string {
	var b strings.Builder
	b.WriteString("# fish completion for pushd; made by \"pushd completion fish\".\n" + `function __pushd_at
    set -l path
    for w in (commandline -opc)[2..]
        switch "$path/$w"
`)
	for _, p := range all {
		for _, w := range p.words {
			if !w.flag && hasPlace(all, p.path, w.text) {
				fmt.Fprintf(&b, "            case %s\n                set path %s\n", fishQuote(p.path+"/"+w.text), fishQuote(strings.TrimSpace(p.path+" "+w.text)))
			}
		}
	}
	b.WriteString("        end\n    end\n    test \"$path\" = \"$argv[1]\"\nend\n")
	for _, p := range all {
		at := fishQuote("__pushd_at " + fishQuote(p.path))
		for _, w := range p.words {
			line := "complete -p '*/pushd' -n " + at
			switch {
			case !w.flag:
				line += " -f -a " + fishQuote(w.text)
			case len(w.values) > 0:
				line += " -x -l " + w.text[2:] + " -a " + fishQuote(strings.Join(w.values, " "))
			case w.value:
				line += " -r -l " + w.text[2:]
			default:
				line += " -l " + w.text[2:]
			}
			if w.help != "" {
				line += " -d " + fishQuote(w.help)
			}
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
