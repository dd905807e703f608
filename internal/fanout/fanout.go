// Package fanout runs a job of pushd ("remind the followers of this account that
// channel 42 is about to start"): it claims the job, walks the followers, sends
// each one message, and accounts for every one of them.
//
// The life of a job, and where to read it:
//
//	claim.go      the job becomes this process's, by a lease
//	run.go        read this first: one claim's work, from here to the job's end
//	prepare.go    its message is made, beside
//	walk.go       the list of followers, which is stored page by page; walkend.go: is it all?
//	feed.go       the pages are read back, for one round of sends
//	send.go       the round: who is sent to, and when
//	settle.go     an answer of WeChat's becomes an action
//	record.go     outcomes go to the ledger, ahead of the sends that rest on them
//	reconcile.go  is everyone accounted for? Else another round
//	finish.go     the job ends in the ledger
//
// The folders below hold what a run is made of and need not know of it, such as a page
// while it is sent to (pagebuffer), what the jobs of an account share (accountstate), and
// whether the reminder is still asked for (channelcheck). How a job comes to be is in
// internal/control, what is done beside the jobs in internal/housekeeping.
//
// The package knows neither HTTP nor SQL. What it needs of the world are small
// interfaces of the root package: the ledger (internal/store), the account at
// WeChat (internal/wechat) and the tokens (internal/tokenclient). Data flows one
// way: followers into pages, pages into sends, answers into verdicts, verdicts
// into the ledger.
package fanout
