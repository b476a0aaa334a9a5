/* The delivery protocol: jobs, workers and the keeper, on PostgreSQL and Kafka that lose answers,
 * messages, workers and (with an asynchronous standby) commits.
 *
 * Every step of a process below is one statement of common/storage/postgres/sql, or one act of the
 * environment. README.md lists what is left out, and explains how to read a counterexample.
 *
 * A process has one state, its loop: all that is remembered stands in the tables. Whatever may go
 * on forever in reality (crashes, lost answers, cuts) happens a bounded number of times here, and
 * nothing else can repeat without it. So every run ends, and liveness is a property of its end:
 * when nothing can happen any more, every job is final.
 */

#include "options.pml"
#include "state.pml"
#include "statements.pml"

/* ---- The client and the gateway -------------------------------------------------------------- */

/* A client without an answer sends again, with the same key, through another gateway. */
proctype Gateway(byte s) {
    end: do
    :: d_step { insert[s] == NOTHING && answer == 0 && (s == 0 || late_insert[s - 1] ||
                    insert[s - 1] == ANSWERED) ->
        insert[s] = SENT;
        saw_no_key[s] = (key_job == 0);
        printf("client: sends its job, as %d\n", s) }
    :: d_step { insert[s] == SENT && !late_insert[s] ->
        job_insert(s);
        insert[s] = ANSWERED;
        answer = key_job;
        PROMISE(answer != 0 && job[answer - 1].state != ABSENT, "what is answered is stored") }
    :: d_step { insert[s] == SENT && !late_insert[s] && doubts > 0 ->
        doubts--;
        late_insert[s] = true;
        printf("job_insert: no answer about job %d\n", s) }
    :: d_step { late_insert[s] && insert[s] == SENT ->
        job_insert(s);
        insert[s] = ANSWERED }
    :: d_step { late_insert[s] && insert[s] == SENT && s + 1 < SUBMITS ->
        insert[s] = ANSWERED;
        printf("job_insert: job %d never arrived\n", s) }
    od
}

proctype Client(byte j) {
    end: do
    :: d_step { cancels > 0 && is_waiting(j) ->     /* job_cancel.sql, job_cancel_matching.sql */
        cancels--;
        remember(j);
        job[j].state = CANCELLED;
        printf("job_cancel: job %d before it runs\n", j) }
    :: d_step { cancels > 0 && job[j].state == IN_PROGRESS ->
        cancels--;
        remember(j);
        job[j].state = CANCELLING;
        printf("job_cancel: job %d while it runs\n", j) }
    od
}

/* ---- Kafka ----------------------------------------------------------------------------------- */

proctype Kafka(byte j) {
    end: do
    :: d_step { message[j] > 0 -> message[j]--; printf("kafka: loses job %d\n", j) }
    :: d_step { message[j] > 0 && message[j] < MESSAGES && duplicates > 0 ->
        duplicates--;
        message[j]++;
        printf("kafka: delivers job %d twice\n", j) }
    od
}

/* ---- Workers: worker/execute ----------------------------------------------------------------- */

inline start_incarnation(w) {       /* worker_register.sql */
    incarnations++;
    incarnation[w] = incarnations;
    worker_state[incarnations] = ALIVE;
    leased[incarnations] = true;
    printf("worker %d: is incarnation %d\n", w, incarnation[w])
}

/* The memory is lost; statements that were sent go on. */
inline end_process(w) {
    leased[incarnation[w]] = false;
    incarnation[w] = 0;
    p = w * JOBS;
    do
    :: p < (w + 1) * JOBS ->
        if
        :: claim[p].phase == SENT && late_claim[p] == 0 -> late_claim[p] = claim[p].worker
        :: else
        fi;
        if
        :: held[p].phase == SETTLING && late[p].phase == NOTHING -> copy_attempt(late[p], held[p])
        :: else
        fi;
        forget(claim[p]);
        forget(held[p]);
        p++
    :: else -> break
    od;
    p = 0
}

/* LeaseKeeper. While a worker believes in its lease, nobody takes that lease for over. */
proctype Lease(byte w) {
    byte p;
    end: do
    :: d_step { incarnation[w] == 0 && incarnations < INCARNATIONS -> start_incarnation(w) }
    :: d_step { incarnation[w] != 0 && !leased[incarnation[w]] &&
                worker_state[incarnation[w]] == ALIVE ->      /* worker_heartbeat.sql */
        leased[incarnation[w]] = true;
        printf("worker %d: renews its lease in time\n", w) }
    :: d_step { incarnation[w] != 0 && worker_state[incarnation[w]] != ALIVE &&
                incarnations < INCARNATIONS -> start_incarnation(w) }
    :: d_step { lapses > 0 && leased[incarnation[w]] ->
        lapses--;
        leased[incarnation[w]] = false;
        printf("worker %d: pauses, its lease lapses\n", w) }
    :: d_step { crashes > 0 && incarnation[w] != 0 ->
        crashes--;
        printf("worker %d: crashes\n", w);
        end_process(w) }
    :: d_step { stops > 0 && leased[incarnation[w]] ->           /* worker_set_state.sql */
        stops--;
        worker_state[incarnation[w]] = STOPPED;
        news[incarnation[w]] = true;
        printf("worker %d: signs off\n", w);
        end_process(w) }
    od
}

/* Claims by a message, steals without one, reconciles. It does one after the other, so no claim is
 * on its way during a reconciliation. */
proctype Claimer(byte w; byte j) {
    bool took;
    byte p = w * JOBS + j;
    end: do
    :: d_step { message[j] > 0 && !job[j].confined && claim[p].phase == NOTHING &&
                leased[incarnation[w]] ->
        message[j]--;
        claim[p].phase = SENT;
        claim[p].worker = incarnation[w] }
    :: d_step { message[j] > 0 && job[j].confined && leased[incarnation[w]] ->
        message[j]-- }
    :: d_step { STEALING && job[j].state == QUEUED && claim[p].phase == NOTHING &&
                leased[incarnation[w]] ->    /* job_steal.sql, job_claim_confined.sql */
        claim[p].phase = SENT;
        claim[p].worker = incarnation[w] }
    :: d_step { claim[p].phase == SENT ->
        job_claim(j, claim[p].worker);
        if
        :: took ->
            claim[p].phase = ANSWERED;
            claim[p].epoch = job[j].epoch;
            claim[p].number = job[j].holder
        :: else -> forget(claim[p])
        fi;
        took = false }
    :: d_step { claim[p].phase == SENT && doubts > 0 && late_claim[p] == 0 ->
        doubts--;
        late_claim[p] = claim[p].worker;
        forget(claim[p]);
        printf("worker %d: hears nothing about its claim of job %d\n", w, j) }
    :: d_step { late_claim[p] != 0 ->
        job_claim(j, late_claim[p]);
        late_claim[p] = 0;
        took = false }
    :: d_step { late_claim[p] != 0 ->
        printf("job_claim: incarnation %d's never arrived\n", late_claim[p]);
        late_claim[p] = 0 }
    :: d_step { RECONCILE && RECONCILE_AND_SWEEP && is_active(j) && incarnation[w] != 0 &&
                job[j].worker == incarnation[w] && leased[incarnation[w]] &&
                held[p].phase == NOTHING && claim[p].phase == NOTHING ->
        held[p].phase = SETTLING;                                /* worker_active.sql */
        held[p].worker = job[j].worker;
        held[p].epoch = job[j].epoch;
        held[p].number = job[j].holder;
        held[p].outcome = INTERRUPTED;
        printf("worker %d: hands back job %d, which it does not hold\n", w, j) }
    od
}

/* A claim of a job that is held replaces the older attempt: a running one is dropped, one that
 * settles is on its way already. */
proctype Executor(byte w; byte j) {
    byte p = w * JOBS + j;
    end: do
    :: d_step { claim[p].phase == ANSWERED &&
                (held[p].phase != SETTLING || late[p].phase == NOTHING) ->
        if
        :: held[p].phase == SETTLING -> copy_attempt(late[p], held[p])
        :: else
        fi;
        copy_attempt(held[p], claim[p]);
        forget(claim[p]);
        if
        :: !LEASE_AT_START || (held[p].worker == incarnation[w] && leased[incarnation[w]]) ->
            PROMISE(worker_state[held[p].worker] == ALIVE, "no attempt starts without a lease");
            held[p].phase = RUNNING;
            printf("worker %d: starts job %d, epoch %d\n", w, j, held[p].epoch)
        :: else ->
            held[p].phase = SETTLING;
            held[p].outcome = INTERRUPTED
        fi }
    :: d_step { held[p].phase == RUNNING ->
        held[p].phase = SETTLING;
        held[p].outcome = COMPLETES }
    :: d_step { held[p].phase == RUNNING ->
        held[p].phase = SETTLING;
        held[p].outcome = RETRYABLE }
    :: d_step { held[p].phase == RUNNING &&
                (worker_state[held[p].worker] != ALIVE || job[j].state == CANCELLING) ->
        held[p].phase = SETTLING;
        held[p].outcome = INTERRUPTED }
    od
}

/* CompletionWriter: if the answer to an outcome was lost, the outcome is sent again; the older copy
 * may still arrive. */
proctype Writer(byte w; byte j) {
    bool took;
    byte p = w * JOBS + j;
    end: do
    :: d_step { held[p].phase == SETTLING ->
        job_settle(j, held[p]);
        PROMISE(forgot || took || held[p].written == is_settled_before(j, held[p]),
                "an outcome in doubt is recognised if and only if it was written");
        forget(held[p]);
        took = false }
    :: d_step { held[p].phase == SETTLING && doubts > 0 && late[p].phase == NOTHING ->
        doubts--;
        copy_attempt(late[p], held[p]);
        printf("worker %d: hears nothing about its outcome of job %d\n", w, j) }
    :: d_step { late[p].phase != NOTHING ->
        job_settle(j, late[p]);
        held[p].written = (held[p].written || (took && is_same(held[p], late[p])));
        forget(late[p]);
        took = false }
    :: d_step { late[p].phase != NOTHING ->
        printf("job_settle: incarnation %d's never arrived\n", late[p].worker);
        forget(late[p]) }
    od
}

/* ---- The keeper ------------------------------------------------------------------------------ */

/* SilenceWatch: a worker was silent for the ttl, by a clock no faster than that of its lease. */
inline judge_outage(i) {
#if OUTAGES
    byte n = 1, silent = 0, all = 0;
    suspect[i] = true;
    do
    :: n <= INCARNATIONS ->
        silent = silent + (suspect[n] || (worker_state[n] == ALIVE && !leased[n]) -> 1 : 0);
        all = all + (suspect[n] || worker_state[n] == ALIVE -> 1 : 0);
        n++
    :: else -> break
    od;
    in_outage[i] = (silent >= 2 && silent * 3 > all);
    n = 0; silent = 0; all = 0
#else
    skip
#endif
}

proctype Silence(byte i) {
    end: do
    :: d_step { worker_state[i] == ALIVE && !leased[i] ->
        /* worker_mark_lost.sql */
        worker_state[i] = LOST;
        news[i] = true;
        printf("keeper: incarnation %d is lost\n", i);
        judge_outage(i) }
#if OUTAGES
    :: d_step { suspect[i] -> suspect[i] = false }
#endif
    od
}

/* keeper_rescue.sql: starts from its snapshot, and judges the row that it has locked. */
inline keeper_rescue(j) {
    if
    :: is_active(j) && (!RESCUE_OWNER_GUARD || job[j].worker == rescued[j]) ->
        remember(j);
        PROMISE(is_gone(job[j].worker), "nobody loses an attempt under a live lease");
        printf("keeper_rescue: job %d, epoch %d of incarnation %d\n",
               j, job[j].epoch, job[j].worker);
        if
        :: worker_state[job[j].worker] == LOST &&
           !(MASS_OUTAGE && in_outage[job[j].worker]) ->
            PROMISE(!in_outage[job[j].worker], "a loss in a mass outage counts for nobody");
            job[j].losses++
        :: else
        fi;
        if
        :: CANCELLING_IN_RESCUE && job[j].state == CANCELLING ->
            end_attempt(j, CANCELLED, WORKER_LOST)
        :: else ->
            if
            :: job[j].losses >= LOSSES_MAX && job[j].confined ->
                end_attempt(j, FAILED, WORKER_LOST)
            :: else ->
                job[j].confined = (job[j].losses > 0 && job[j].losses >= LOSSES_MAX - 1);
                end_attempt(j, QUEUED, WORKER_LOST)
            fi
        fi
    :: else
    fi;
    rescued[j] = 0
}

proctype Keeper(byte j) {
    end: do
    :: d_step { rescued[j] == 0 && is_active(j) && is_gone(job[j].worker) &&
                (LEVEL_TRIGGERED_RESCUE || news[job[j].worker]) ->
        rescued[j] = job[j].worker }
    :: d_step { rescued[j] != 0 -> keeper_rescue(j) }
    :: d_step { SWEEP && RECONCILE_AND_SWEEP && is_active(j) ->  /* keeper_end_overdue.sql */
        remember(j);
        job[j].failures++;
        job[j].losses = 0;
        job[j].confined = false;
        printf("keeper_end_overdue: job %d, epoch %d\n", j, job[j].epoch);
        if
        :: CANCELLING_IN_SWEEP && job[j].state == CANCELLING ->
            end_attempt(j, CANCELLED, TIMED_OUT)
        :: else ->
            if
            :: job[j].failures >= ATTEMPTS_MAX -> end_attempt(j, FAILED, TIMED_OUT)
            :: else -> end_attempt(j, QUEUED, TIMED_OUT)
            fi
        fi }
    :: d_step { job[j].state == SCHEDULED ->                     /* keeper_release.sql */
        remember(j);
        job[j].state = QUEUED;
        dispatch(j) }
    :: d_step { EXPIRY && is_waiting(j) ->                       /* keeper_expire.sql */
        remember(j);
        job[j].state = EXPIRED;
        printf("keeper_expire: job %d\n", j) }
    od
}

/* Edge-triggered: a single pass over the jobs found at that moment. */
proctype Pass(byte i) {
    end: do
    :: d_step { !LEVEL_TRIGGERED_RESCUE && news[i] &&
                !(is_active(0) && job[0].worker == i) -> news[i] = false }
    od
}

/* ---- The environment ------------------------------------------------------------------------- */

proctype Environment(byte j) {
    byte i;
    end: do
    :: d_step { outages > 0 && incarnations > 1 ->
        outages--;
        i = 1;
        do
        :: i <= INCARNATIONS -> leased[i] = false; i++
        :: else -> break
        od;
        i = 0;
        printf("network: all workers are cut off\n") }
#if FAILOVERS
    :: d_step { failovers > 0 && before[j].state != ABSENT ->
        failovers--;
        forgot = true;
        copy_row(job[j], before[j]);
        printf("postgresql: fails over, the last commit about job %d is lost\n", j) }
#endif
    od
}

/* Checked once nothing can happen any more. */
proctype End() {
    byte j;
    timeout;
    d_step {
        do
        :: j < JOBS ->
            PROMISE(!is_open(j), "no job stays open forever");
            j++
        :: else -> break
        od
    }
}

init {
    byte n;
    atomic {
        n = 0;
        do
        :: n < SUBMITS ->
            run Gateway(n);
            run Kafka(n);
            run Keeper(n);
            n++
        :: else -> break
        od;
        n = 0;
        do
        :: n < WORKERS -> start_incarnation(n); run Lease(n); n++
        :: else -> break
        od;
        n = 0;
        do
        :: n < PAIRS ->
            run Claimer(n / JOBS, n % JOBS);
            run Executor(n / JOBS, n % JOBS);
            run Writer(n / JOBS, n % JOBS);
            n++
        :: else -> break
        od;
        n = 1;
        do
        :: n <= INCARNATIONS -> run Silence(n); n++
        :: else -> break
        od;
        if
        :: CANCELS -> run Client(0)
        :: else
        fi;
        if
        :: OUTAGES || FAILOVERS -> run Environment(0)
        :: else
        fi;
        if
        :: !LEVEL_TRIGGERED_RESCUE ->
            n = 1;
            do
            :: n <= INCARNATIONS -> run Pass(n); n++
            :: else -> break
            od
        :: else
        fi;
        run End();
        n = 0
    }
}
