// Package fanout runs a job of pushd ("remind the followers of this account that
// channel 42 is about to start"): it claims the job, walks the followers, sends
// each one message, and accounts for every one of them.
//
// The life of a job, and where to read it:
//
//	accept ─▶ claim (lease) ─▶ prepare ─▶ walk ═▶ pages in the ledger ═▶ send ─▶ record ─▶ reconcile ─▶ finish
//	internal/control engine.go prepare.go walk.go                       send.go  send.go    run.go
//
// settle.go is where a verdict becomes an action. What is known of a page's
// recipients is in internal/pagebuffer, what is done beside the jobs in
// internal/housekeeping.
//
// run.go is the file to read first: it is the life of one job.
//
// The package knows neither HTTP nor SQL. What it needs of the world are small
// interfaces of the root package: the ledger (internal/store), the account at
// WeChat (internal/wechat) and the tokens (internal/tokenclient). Data flows one
// way: followers into pages, pages into sends, answers into verdicts, verdicts
// into the ledger.
package fanout
