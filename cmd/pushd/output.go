package main

// output is how a command shows what it has found.
type output struct {
	Output string `short:"o" default:"table" enum:"table,wide,json" placeholder:"FORMAT" help:"table, wide, or json: the API's answer."`
	JSON   bool   `name:"json" help:"The same as -o json."`
}

// json says that the API's answer is to be printed as it is.
func (o output) json() bool { return o.JSON || o.Output == "json" }

// wide says that there is room for more columns.
func (o output) wide() bool { return o.Output == "wide" }
