package main

// mutant is a wrong version of pushd.
type mutant struct {
	name  string
	edits []edit
	tests []string // "package regexp", the cheapest first
}

// edit replaces a text that is in a file exactly once.
type edit struct{ file, old, new string }

// Where tests are.
const (
	simulation = "./internal/fanout TestSimulation"
	crash      = "./internal/crashtest TestCrash/scenarios/"
)

// mutants is the list. Each is a mistake that another sender has made, or
// that would be easy to make here.
func mutants() []mutant {
	return []mutant{
		{"whoever was fetched counts as told", []edit{{"internal/fanout/feed.go",
			"	case p.State.Settled():\n		return nil\n	case p.State == Refused:\n",
			"	case p.State.Settled(), p.State == InDoubt, p.State == Untouched && i < mark:\n		return nil\n	case p.State == Refused:\n"}},
			[]string{simulation, crash + "kill_-9_at_the_point_sent"}},
		{"no watermark", []edit{{"internal/fanout/sheet.go", "		s.mark = t.index + 1\n", "		s.mark += 0\n"}},
			[]string{simulation, crash + "down_longer"}},
		{"the watermark is written after the send", []edit{{"internal/fanout/admit.go",
			"	s.admitted = append(s.admitted, s.backlog[:n]...)\n", "	s.ready = append(s.ready, s.backlog[:n]...)\n"}},
			[]string{simulation, crash + "down_longer"}},
		{"SIGTERM is not heard", []edit{{"cmd/pushd/main.go", "os.Interrupt, syscall.SIGTERM", "os.Interrupt, syscall.SIGUSR2"}},
			[]string{"./cmd/pushd TestMain_TwoSignals", crash + "SIGTERM"}},
		{"SIGTERM cuts what is in flight", []edit{{"internal/fanout/engine.go", "max(drain-2*time.Second, drain/2)", "0"}},
			[]string{simulation, crash + "SIGTERM_at"}},
		{"SIGTERM does not record what it knows", []edit{{"internal/fanout/send.go",
			"			s.leaveAll()\n			s.record(ctx, now, true)\n",
			"			s.leaveAll()\n			clear(s.sheets)\n"}},
			[]string{simulation, crash + "SIGTERM_at"}},
		{"suspects are asked again after each stop", []edit{{"internal/fanout/leave.go", "	s.clear()\n	for _, sh", "	for _, sh"}},
			[]string{simulation, crash + "SIGTERM_at"}},
		{"a token is renewed without looking whether the refused one is still current", []edit{{"internal/tokenclient/account.go",
			"	if a.current.tok != tok {\n		return false // a late answer; what is current now may be good\n	}\n", ""}},
			[]string{"./internal/tokenclient .", crash + "token_revoked"}},
		{"a failing token endpoint is asked at once again", []edit{{"internal/tokenclient/ask.go", "		a.pause(c.rand, now)\n", ""}},
			[]string{"./internal/tokenclient .", crash + "token_endpoint"}},
		{"the walk ends at WeChat's total", []edit{{"internal/fanout/walk.go",
			"		more := sound && len(page.OpenIDs) > 0\n",
			"		more := sound && len(page.OpenIDs) > 0 && (w.walk.Walked == 0 || w.walk.Walked < page.Total-1000)\n"}},
			[]string{simulation, crash + "(followers|0,)"}},
		{"the walk ends on any empty page", []edit{{"internal/fanout/walk.go", "	next.Complete = sound && w.believable()\n", "	next.Complete = true\n"}},
			[]string{simulation, crash + "the_list"}},
		{"a repeated page is stored again", []edit{{"internal/fanout/walk.go",
			"	fresh, err := w.seen.fresh(ctx, page.OpenIDs, w.walk.Pages)\n",
			"	_, err := w.seen.fresh(ctx, page.OpenIDs, w.walk.Pages)\n	fresh := page.OpenIDs\n"}},
			[]string{simulation, crash + "page_3"}},
		{"status 2 without reconciling", []edit{
			{"internal/fanout/run.go", "	if job.Counts.Settled() == job.Walk.Walked {\n", "	if job.Counts.Settled() <= job.Walk.Walked {\n"},
			{"internal/store/finish.go", "sum.Settled() != sum.People ||", "sum.Settled() > sum.People ||"}},
			[]string{simulation, crash + "(kill|WeChat)"}},
		{"sends do not look at the lease", []edit{{"internal/fanout/lease.go",
			"{ return int64(t.boottime()) < t.until.Load() }", "{ return int64(t.boottime()) < t.until.Load()+int64(time.Hour) }"}},
			[]string{simulation, crash + "two_pushd"}},
		{"the lease is the local clock's", []edit{{"internal/store/claim.go", "  (lease_until <= {now} OR", "  (lease_until <= 4000000000000000 OR"}},
			[]string{"./internal/store TestStore_(Leases|ClaimHasOneWinner)"}},
		{"deadlines by the wall clock", []edit{{"internal/fanout/lease.go", "	return r.db.Add(c.boottime() - r.at)\n", "	return Time(time.Now().UnixMicro())\n"}},
			[]string{simulation, crash + "the_database.s_clock"}},
		{"writes without the epoch", []edit{{"internal/store/progress.go", "  AND epoch = ?\n", "  AND epoch <> -?\n"}},
			[]string{"./internal/store TestStore_(Zombie|NothingLands)", crash + "two_pushd"}},
		{"writes in any order", []edit{{"internal/store/progress.go", "  AND rev <= ?", "  AND rev <> -?"}},
			[]string{"./internal/store TestStore_Late"}},
		{"a new client_msg_id for each life", []edit{{"internal/fanout/message.go", "m.MiniProgram, id, data}", "m.MiniProgram, id + JobID(NewJobID()[:8]), data}"}},
			[]string{simulation, crash + "kill_-9_at_the_point_sent"}},
		{"status 0 makes a new job", []edit{{"internal/fanout/controller.go", "	return ch.StartTime == 0 && ch.Status != nil", "	return ch.Status != nil && *ch.Status == StatusNotNotified || ch.StartTime == 0 && ch.Status != nil"}},
			[]string{simulation, crash + "a_stale_row"}},
		{"people in doubt are asked again without a look at the window", []edit{{"internal/fanout/admit.go",
			"	return t.ambiguous && (t.askedAt == 0", "	return false && (t.askedAt == 0"}},
			[]string{simulation, crash + "(down|a_person)"}},
		{"the first 40241 to a recipient in doubt is taken for delivered", []edit{{"internal/fanout/duplicate.go",
			"	case shorts(t.person()) > 0 && s.run.account.quiet(now):\n", "	case s.run.account.quiet(now):\n"}},
			[]string{"./internal/fanout TestSettle_Duplicate"}},
		{"a second 40241 is taken for delivered whoever sends", []edit{{"internal/fanout/duplicate.go",
			"	case shorts(t.person()) > 0 && s.run.account.quiet(now):\n", "	case shorts(t.person()) > 0:\n"}},
			[]string{"./internal/fanout TestSettle_SecondDuplicate"}},
		{"an unknown code is taken for delivered on a repeat", []edit{{"internal/fanout/settle.go",
			"	s.giveUp(t, a.Code)\n	released, trip := s.canary.other()\n", "	if t.ambiguous {\n		s.settle(t, PersonSent, 0)\n		return\n	}\n	s.giveUp(t, a.Code)\n	released, trip := s.canary.other()\n"}},
			[]string{"./internal/fanout TestSettle_UnknownCode"}},
		{"what everybody is refused with fails them one by one", []edit{{"internal/fanout/settle.go",
			"	if !s.canary.proven {\n		s.suspected(t, a, PersonFailed)\n		return\n	}\n	s.giveUp", "	s.giveUp"}},
			[]string{"./internal/fanout TestSettle_EveryAnswer"}},
		{"the feeder looks at the frontier twice", []edit{{"internal/fanout/feed.go",
			"	return f.walk, f.shut, f.moved\n", "	return f.walk, f.shut, make(chan struct{})\n"}},
			[]string{"./internal/fanout TestFrontier_Look"}},
		{"increments in place of absolute counters", []edit{{"internal/store/counts.go",
			"	countsSet     = `sent = ?,", "	countsSet     = `sent = sent + ?,"}},
			[]string{"./internal/store TestStore_RecordIsIdempotent"}},
		{"the canary listens only at the start", []edit{{"internal/fanout/canary.go",
			"	return released, c.seen == canaryWindow && c.suspect*2 >= canaryWindow\n", "	return released, false\n"}},
			[]string{simulation, crash + "everyone_refuses"}},
		{"the probes of a WeChat that is down never wait longer", []edit{{"internal/fanout/outage.go",
			"	return min(probeLast, probeFirst<<min(a.downs.Add(1)-1, 10))\n", "	return probeFirst\n"}},
			[]string{"./internal/fanout TestEngine_ProbesBackOff"}},
		{"the first busy answer is the last try", []edit{{"internal/fanout/settle.go", "	maxTries   = 8 ", "	maxTries   = 1 "}},
			[]string{simulation, crash + "WeChat_misbehaves"}},
		{"the leases of the last life are left to lapse", []edit{{"internal/fanout/engine.go",
			"		n, err := e.cfg.Ledger.TakeBack(ctx, e.cfg.Owner)\n", "		n, err := 0, error(nil)\n"}},
			[]string{simulation, crash + "kill_-9_at_random"}},
		{"nobody hears that the lease is lost", []edit{{"internal/fanout/engine.go", "			r.kill(ErrLost)\n", "			r.tenure.renewed(boot)\n"}},
			[]string{simulation, crash + "two_pushd"}},
		{"a page is forgotten while people of it wait", []edit{{"internal/fanout/sheet.go", " && s.queue == 0", ""}},
			[]string{simulation, crash + "page_3"}},
		{"the database's trouble ends the work", []edit{{"internal/fanout/retry.go", "		if ctx.Err() != nil {\n			return context.Cause(ctx)\n		}\n		r.errs", "		if ctx.Err() != nil || tries == 3 {\n			return errRelease\n		}\n		r.errs"}},
			[]string{simulation, crash + "database"}},
		{"the token is logged", []edit{{"internal/fanout/renew.go", "	s.token = tok\n", "	s.token = tok\n	s.run.log.Debug(\"token\", \"value\", string(tok))\n"}},
			[]string{simulation, "./internal/crashtest TestSecrets"}},
		{"a slow account may have all connections", []edit{{"internal/fanout/engine.go", "	loops.Go(func() { e.every(hard, shareEvery, nil, e.share) })\n", ""}},
			[]string{"./internal/fanout TestEngine_Share"}},
		{"the end of one job cuts the sends of the next", []edit{{"internal/wechat/line.go", "	c.ctx = nil\n", ""}},
			[]string{"./internal/wechat TestWire_ContextEnds"}},
		{"a connection is used again that the server will close", []edit{{"internal/wechat/plain.go",
			"case equalFold(name, \"connection\") && !equalFold(value, \"keep-alive\"), equalFold(", "case equalFold("}},
			[]string{"./internal/wechat (TestWire_Answers|FuzzPlainAnswer)"}},
		{"a sleep of the machine is not noticed", []edit{{"internal/daemon/bootclock.go", " && (wall-ran).Abs() < bootDrift", ""}},
			[]string{"./internal/daemon TestBootClock"}},
		{"the climber does not know of its share", []edit{{"internal/fanout/pace.go", "	p.climb.bound(most, now)\n", "	p.climb.ceiling = most\n"}},
			[]string{"./internal/fanout TestPacer_Bound"}},
	}
}
