/*
 * A model of one job: watermark, send, crash, takeover and WeChat's memory.
 *
 * README.md says in plain words which part of the code each section mirrors,
 * what is assumed, and what is left out. "make model" looks at every state of
 * it, and shows that each of the WRONG_* changes below is found out.
 *
 * Time is counted in ticks. An age stops at the value from which on nothing
 * changes any more, so there is no end of time and yet a finite number of
 * states.
 */
#ifndef N
#define N 3			/* recipients, all on one page */
#endif
#ifndef OTHERS
#define OTHERS 0		/* messages of another channel of the account, to all of them */
#endif

#define TERM 1			/* PUSHD_LEASE */
#define WINDOW 2		/* PUSHD_DEDUP_WINDOW, nine minutes */
#define MEMORY 3		/* WeChat's ten minutes: one tick more than WINDOW */
#define QUIET 2			/* fanout.quietFor: two deferrals */

/* the ledger's entry of a recipient */
#define Untouched 0
#define InDoubt 1		/* also: behind the watermark, without an outcome */
#define PutOff 2		/* refused with 40241, asked again later: not in doubt */
#define Settled 3		/* delivered or unknown; which is judged when it is written */
#define Failed 4

/* what a process knows of a recipient */
#define Out 0			/* not admitted */
#define Ready 1			/* the ledger says InDoubt: may be sent to */
#define Flying 2		/* sent, no answer yet */
#define Waits 3			/* after a 40241, until a tick later */
#define Due 4			/* has waited; is admitted again before it is sent to */
#define IsSettled 5		/* as the ledger has it */
#define IsDelivered 6		/* the ledger does not have it yet */
#define IsUnknown 7
#define IsFailed 8

/* a request on its way */
#define None 0
#define New 1
#define Old 2			/* a tick has passed: it arrives before the next, or never */

/* an answer */
#define Ok 1
#define NoAnswer 2		/* timeout, reset, -1: accepted or not */
#define Duplicate 3		/* 40241 */
#define Strange 4		/* a code that no table has */
#define Refused 5

#define at(p, r) ((p) * N + (r))

/* the database */
byte row[N];
bit deferred[N];		/* was put off for a 40241 */
byte doubtAge;			/* of the oldest doubt on the page */
bit leased;
bit owner;
bit valid[2];			/* has the epoch that writes must carry */
bit ended;

/* the processes; one that is down is one that does nothing */
bit works[2];			/* believes to have the job */
byte lease[2];			/* age of its lease, by its own clock */
byte unchanged[2];		/* how long it has seen another's lease unchanged */
byte disturbed[2];		/* since it heard of a message that is not the job's */
byte st[2 * N];
bit doubt[2 * N];		/* an earlier try may have been accepted */
bit maybe[2 * N];		/* and so long ago that WeChat has forgotten it */
bit put[2 * N];			/* was put off for a 40241 */
byte age[2 * N];		/* since it was first sent to without a definite answer */
#ifdef CRASHES
byte crashes;			/* kill -9 that many times; without it: any number of times */
#define crash (crashes < CRASHES)
#else
#define crash 1
#endif
#ifdef WRONG_LEASE_FROM_ANSWER
bit renewing[2];
#endif

/* WeChat, and what only an outside judge knows */
byte net[2 * N];
byte got[N];			/* deliveries: 0, 1, 2 */
byte gotAge[N];
bit filter;			/* another channel's message came within the last minute */
byte others;
bit excused[N];			/* sent again beyond the window, by PUSHD_AMBIGUOUS=resend */

/* nothing can happen to a recipient any more: what WeChat remembers does not matter, */
#define past(p, r) (net[at(p, r)] == None && (st[at(p, r)] >= IsSettled || st[at(p, r)] == Out && !works[p]))
#define over(r) (row[r] >= Settled && past(0, r) && past(1, r))
/* so it is left out of the state */
inline close(r)
{
	if
	:: over(r) -> row[r] = Settled; got[r] = 1; gotAge[r] = MEMORY; excused[r] = 0
	:: else
	fi
}

inline older(v, most)
{
	if
	:: v < most -> v++
	:: else
	fi
}

inline clear(k)
{
	doubt[k] = 0; maybe[k] = 0; put[k] = 0; age[k] = 0
}

/* the process forgets the job: it was killed, or the lease is another's */
inline forget(p)
{
	works[p] = 0; lease[p] = 0; unchanged[p] = 0; disturbed[p] = QUIET;
#ifdef WRONG_LEASE_FROM_ANSWER
	renewing[p] = 0;
#endif
	r = 0;
	do
	:: r < N -> st[at(p, r)] = Out; clear(at(p, r)); r++
	:: else -> break
	od;
	r = 0
}

/*
 * Whoever has neither the epoch nor time left on its lease can't write and
 * can't send: what it remembers is dropped at once, to have fewer states.
 * Where a wrong model lets it do either, it remembers.
 */
inline bury(p)
{
#if !defined(WRONG_NO_FENCE) && !defined(WRONG_LEASE_FROM_ANSWER) && !defined(ZOMBIES)
	if
	:: works[p] && lease[p] >= TERM -> forget(p)
	:: else
	fi
#else
	skip
#endif
}

/* store.Claim, then the page is read */
inline claim(p)
{
	bury(1 - p);
	leased = 1; owner = p; valid[p] = 1; valid[1 - p] = 0;
	works[p] = 1; lease[p] = 0; unchanged[0] = 0; unchanged[1] = 0;
	r = 0;
	do
	:: r < N ->
		if
		:: row[r] == Untouched
		:: row[r] == InDoubt && !deferred[r] ->
			st[at(p, r)] = Ready; doubt[at(p, r)] = 1; age[at(p, r)] = doubtAge
		:: row[r] == InDoubt && deferred[r] ->	/* the wait begins again */
#ifdef WRONG_NO_WAIT_AFTER_CLAIM
			st[at(p, r)] = Ready;
#else
			st[at(p, r)] = Waits;
#endif
			doubt[at(p, r)] = 1; age[at(p, r)] = doubtAge; put[at(p, r)] = 1
		:: row[r] == PutOff -> st[at(p, r)] = Waits; put[at(p, r)] = 1
		:: row[r] >= Settled -> st[at(p, r)] = IsSettled
		fi;
		r++
	:: else -> break
	od;
	r = 0
}

/* store.Record: watermark and outcomes of the page, in one fenced statement */
inline record(p)
{
	if
#ifdef WRONG_NO_FENCE
	:: 1 ->
#else
	:: valid[p] ->
#endif
		r = 0; doubtAge = 0;
		do
		:: r < N ->
			deferred[r] = 0;
			if
			:: st[at(p, r)] == Out -> row[r] = Untouched
			:: st[at(p, r)] == IsSettled -> row[r] = (row[r] == Failed -> Failed : Settled)
			:: st[at(p, r)] == IsDelivered ->
				assert(got[r] > 0);	/* no recipient is lost */
				row[r] = Settled; st[at(p, r)] = IsSettled
			:: st[at(p, r)] == IsUnknown ->
				row[r] = Settled; st[at(p, r)] = IsSettled
			:: st[at(p, r)] == IsFailed ->
				assert(got[r] == 0);	/* a retry of those who failed repeats no message */
				row[r] = Failed; st[at(p, r)] = IsSettled
			:: (st[at(p, r)] == Waits || st[at(p, r)] == Due) && !doubt[at(p, r)] && !maybe[at(p, r)] ->
				row[r] = PutOff; deferred[r] = 1
			:: else ->
				row[r] = InDoubt; deferred[r] = put[at(p, r)];
				if
				:: age[at(p, r)] > doubtAge -> doubtAge = age[at(p, r)]
				:: else
				fi
			fi;
			close(r);
			r++
		:: else -> break
		od;
		r = 0
#ifndef WRONG_NO_FENCE
	:: else -> forget(p)
#endif
	fi
}

/* sheet.admit and the record of it: recipient i may be sent to */
inline admit(p, i)
{
	st[at(p, i)] = Ready;
#ifndef WRONG_MARK_AFTER_SEND
	record(p)
#endif
}

/* the worker of fanout/send.go: a last look at the lease, then the request */
inline go(p, i)
{
#ifndef ENDS_ONLY
	assert(valid[p]);		/* a zombie starts no send after a takeover */
	assert(row[i] == InDoubt);	/* the watermark precedes the send */
#endif
	st[at(p, i)] = Flying; net[at(p, i)] = New;
	if
	:: !doubt[at(p, i)] -> age[at(p, i)] = 0
	:: else
	fi
}

/* fanout/admit.go: may a recipient in doubt be sent to again? */
inline send(p, i)
{
	if
	:: doubt[at(p, i)] && age[at(p, i)] >= WINDOW ->
#ifdef RESEND
		excused[i] = 1; maybe[at(p, i)] = 1; doubt[at(p, i)] = 0; go(p, i)
#else
#ifdef WRONG_NO_WINDOW
		go(p, i)
#else
		st[at(p, i)] = IsUnknown; clear(at(p, i))
#endif
#endif
	:: else -> go(p, i)
	fi
}

inline settle(p, i, state) { st[at(p, i)] = state; clear(at(p, i)) }

/* settle.go: what is not delivered is unknown if it may be, else failed */
inline giveUp(p, i)
{
	if
	:: doubt[at(p, i)] || maybe[at(p, i)] -> settle(p, i, IsUnknown)
	:: else -> settle(p, i, IsFailed)
	fi
}

inline later(p, i, state)
{
	st[at(p, i)] = state;
	if
	:: !doubt[at(p, i)] -> age[at(p, i)] = 0
	:: else
	fi
}

/* -1, a timeout, a reset, half a body: tried again, or given up after eight */
inline noAnswer(p, i)
{
	doubt[at(p, i)] = 1;
	if
	:: later(p, i, Ready)
	:: giveUp(p, i)
	fi
}

/* a code that no table has, and that may stand for anything */
inline strangeCode(p, i)
{
#ifdef WRONG_STRANGE_IS_DELIVERED
	if
	:: doubt[at(p, i)] || maybe[at(p, i)] -> settle(p, i, IsDelivered)
	:: else -> giveUp(p, i)
	fi
#else
	giveUp(p, i)
#endif
}

/* 40241: fanout/duplicate.go */
inline duplicateCode(p, i)
{
	if
	:: !doubt[at(p, i)] && !maybe[at(p, i)] ->
#if OTHERS > 1
		disturbed[p] = 0;
#endif
		if
		:: put[at(p, i)] = 1; later(p, i, Waits)
		:: giveUp(p, i)
		fi
#ifdef WRONG_FIRST_40241_IS_DELIVERED
	:: else -> settle(p, i, IsDelivered)
#else
	:: else ->
		if
		:: put[at(p, i)] && disturbed[p] >= QUIET ->
#ifdef REACH_PROOF
			assert(0);		/* must fail: the model gets here */
#endif
			settle(p, i, IsDelivered)
		:: put[at(p, i)] && disturbed[p] < QUIET -> giveUp(p, i)
		:: !put[at(p, i)] && maybe[at(p, i)] -> giveUp(p, i)
		:: !put[at(p, i)] && !maybe[at(p, i)] -> put[at(p, i)] = 1; later(p, i, Waits)
		fi
#endif
	fi
}

/* WeChat takes a request that p sent for i; if p is still there, it takes the answer */
inline arrive(p, i)
{
	net[at(p, i)] = None;
	if
	:: filter -> code = Duplicate		/* another channel's message: not accepted */
	:: got[i] > 0 && gotAge[i] < MEMORY ->	/* recognised: what is answered is not known */
		if
		:: code = Ok
		:: code = NoAnswer
		:: code = Duplicate
		:: code = Strange
		fi
	:: !filter && !(got[i] > 0 && gotAge[i] < MEMORY) ->
		assert(got[i] == 0 || excused[i]);	/* no message is repeated */
		assert(row[i] != Failed);
#ifdef REACH_TWICE
		assert(got[i] == 0);			/* must fail: the model gets here */
#endif
		gotAge[i] = 0;
		if
		:: got[i] < 2 -> got[i]++
		:: else
		fi;
		if
		:: code = Ok
		:: code = NoAnswer
		fi
	:: code = Refused			/* a bad token: definitely not accepted */
	:: code = Strange			/* a bad message: not accepted either */
	:: code = NoAnswer			/* it never came, or -1 */
	fi;
	if
	:: st[at(p, i)] != Flying		/* whoever sent it is gone */
	:: else ->
		if
		:: code == Ok -> settle(p, i, IsDelivered)
		:: code == NoAnswer -> noAnswer(p, i)
		:: code == Duplicate -> duplicateCode(p, i)
		:: code == Strange -> strangeCode(p, i)
		:: code == Refused -> later(p, i, Ready)
		fi
	fi;
	code = 0
}

/* what an outside judge sees when the job has ended */
inline judge()
{
	r = 0;
	do
	:: r < N ->
		assert(row[r] >= Settled);		/* each has an outcome: delivered, or on a list */
#ifdef REACH_END
		assert(crashes < CRASHES);		/* must fail: the model gets here */
#endif
		r++
	:: else -> break
	od;
	r = 0
}

#define settled(p, r) (st[at(p, r)] >= IsSettled)
#define allSettled(p) (settled(p, 0) && settled(p, N / 2) && settled(p, N - 1))
#define unrecorded(p, r) (st[at(p, r)] > IsSettled || st[at(p, r)] == Waits)
#define flies(p) (st[at(p, 0)] == Flying || st[at(p, N / 2)] == Flying || st[at(p, N - 1)] == Flying)
#define live(p, r) (st[at(p, r)] == Ready || st[at(p, r)] == Flying)
/* one send in flight, and two recipients in doubt because of it: PUSHD_CONCURRENCY=1 */
#define maySend(p, i) (i < N && works[p] && lease[p] < TERM && st[at(p, i)] == Ready && net[at(p, i)] == None && !flies(p))
#define mayAdmit(p, i) (i < N && works[p] && (i == 0 || st[at(p, i - 1)] != Out) && (st[at(p, i)] == Out || st[at(p, i)] == Due) \
	&& !(live(p, 0) && live(p, N - 1)) && !(N == 3 && live(p, 0) && live(p, 1)) && !(N == 3 && live(p, 1) && live(p, 2)))

active [2] proctype Pushd()
{
	byte r;
end:	do
	/* kill -9; at the next start store.TakeBack */
	:: atomic { !ended && works[_pid] && crash ->
#ifdef CRASHES
		crashes++;
#endif
		forget(_pid); valid[_pid] = 0 }
	:: atomic { !ended && !works[_pid] && leased && owner == _pid ->
		leased = 0; unchanged[0] = 0; unchanged[1] = 0 }
	/* leases: a watcher frees one that it has seen unchanged for a term; claim */
	:: atomic { !ended && !works[_pid] && leased && unchanged[_pid] >= TERM ->
		leased = 0; unchanged[0] = 0; unchanged[1] = 0 }
#ifdef WRONG_CLOCK
	:: atomic { !ended && !works[_pid] && leased -> /* its clock is a tick ahead of the owner's */
		leased = 0; unchanged[0] = 0; unchanged[1] = 0 }
#endif
	:: atomic { !ended && !works[_pid] && !leased ->
		claim(_pid) }
	/* renew: the tenure counts from when the renewal was sent */
#ifndef WRONG_LEASE_FROM_ANSWER
	:: atomic { !ended && works[_pid] && (lease[_pid] > 0 || unchanged[1 - _pid] > 0 || !leased || !valid[_pid]) ->
		if
		:: valid[_pid] -> leased = 1; lease[_pid] = 0; unchanged[1 - _pid] = 0
		:: else -> forget(_pid)
		fi }
#else
	:: atomic { !ended && works[_pid] && !renewing[_pid] ->
		if
		:: valid[_pid] -> leased = 1; renewing[_pid] = 1; unchanged[1 - _pid] = 0
		:: else -> forget(_pid)
		fi }
	:: atomic { !ended && works[_pid] && renewing[_pid] ->
		renewing[_pid] = 0; lease[_pid] = 0 }
#endif
	/* the sender */
	:: atomic { !ended && mayAdmit(_pid, 0) -> admit(_pid, 0) }
	:: atomic { !ended && mayAdmit(_pid, 1) -> admit(_pid, 1) }
	:: atomic { !ended && mayAdmit(_pid, 2) -> admit(_pid, 2) }
	:: atomic { !ended && works[_pid] && (unrecorded(_pid, 0) || unrecorded(_pid, N / 2) || unrecorded(_pid, N - 1)
#ifdef WRONG_MARK_AFTER_SEND
			|| 1
#endif
			) ->
		record(_pid) }
	:: atomic { !ended && maySend(_pid, 0) -> send(_pid, 0) }
	:: atomic { !ended && maySend(_pid, 1) -> send(_pid, 1) }
	:: atomic { !ended && maySend(_pid, 2) -> send(_pid, 2) }
	/* store.Finish */
	:: atomic { !ended && works[_pid] && valid[_pid] && allSettled(_pid) ->
		record(_pid); ended = 1; judge() }
	od
}

active proctype WeChat()
{
	byte code;
end:	do
	:: atomic { !ended && net[at(0, 0)] != None -> arrive(0, 0) }
	:: atomic { !ended && net[at(1, 0)] != None -> arrive(1, 0) }
	:: atomic { !ended && N > 1 && net[at(0, 1)] != None -> arrive(0, 1) }
	:: atomic { !ended && N > 1 && net[at(1, 1)] != None -> arrive(1, 1) }
	:: atomic { !ended && N > 2 && net[at(0, N - 1)] != None -> arrive(0, N - 1) }
	:: atomic { !ended && N > 2 && net[at(1, N - 1)] != None -> arrive(1, N - 1) }
	:: atomic { !ended && others < OTHERS -> others++; filter = 1 }
	od
}

#define old(k) (k < 2 * N && net[k] == Old)

active proctype Clock()
{
	byte r;
	/* a request arrives within a tick of its start or not at all */
end:	do
	:: atomic { !ended && !(old(0) || old(1) || old(2) || old(3) || old(4) || old(5)) ->
		r = 0;
		do
		:: r < 2 * N ->
			if
			:: net[r] == New -> net[r] = Old
			:: else
			fi;
			if
			:: st[r] == Waits -> st[r] = (doubt[r] || maybe[r] -> Ready : Due)
			:: else
			fi;
			if
			:: doubt[r] || st[r] == Flying -> older(age[r], WINDOW)
			:: else
			fi;
			r++
		:: else -> break
		od;
		r = 0;
		do
		:: r < N ->
			if
			:: got[r] > 0 -> older(gotAge[r], MEMORY)
			:: else
			fi;
			close(r);
			r++
		:: else -> break
		od;
		r = 0;
		do
		:: r < 2 ->
			if
			:: works[r] -> older(lease[r], TERM)
			:: else
			fi;
			if
			:: !works[r] && leased -> older(unchanged[r], TERM)
			:: else
			fi;
			older(disturbed[r], QUIET);
			r++
		:: else -> break
		od;
		r = 0; filter = 0;
		if
		:: row[0] == InDoubt || row[N / 2] == InDoubt || row[N - 1] == InDoubt -> older(doubtAge, WINDOW)
		:: else -> doubtAge = 0
		fi }
	od
}
