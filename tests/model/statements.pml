/* The statements about jobs, as they commit: common/storage/postgres/sql. Statements of a single
 * process are in delivery.pml. */

/* Keeps what a failover takes back. */
inline remember(j) {
#if FAILOVERS
    copy_row(before[j], job[j])
#else
    skip
#endif
}

inline copy_row(to, from) {
    to.state = from.state;
    to.epoch = from.epoch;
    to.worker = from.worker;
    to.failures = from.failures;
    to.losses = from.losses;
    to.confined = from.confined;
    to.holder = from.holder
}

inline copy_attempt(to, from) {
    to.phase = from.phase;
    to.worker = from.worker;
    to.epoch = from.epoch;
    to.number = from.number;
    to.outcome = from.outcome;
    to.written = from.written
}

inline forget(a) {
    a.phase = NOTHING;
    a.worker = 0;
    a.epoch = 0;
    a.number = 0;
    a.outcome = 0;
    a.written = false
}

/* The dispatcher's publish. It may be lost: Kafka() loses messages. */
inline dispatch(j) {
    message[j] = (message[j] < MESSAGES -> message[j] + 1 : message[j])
}

/* Ends an attempt, and its job if the next state is final. A row that is not active has no worker:
 * the table has a CHECK for that. */
inline end_attempt(j, next, cause) {
    PROMISE(is_open(j), "a final state never changes");
    PROMISE(job[j].state != CANCELLING || next >= COMPLETED, "what is cancelling is never queued");
    PROMISE(job[j].failures <= ATTEMPTS_MAX, "failures <= max_attempts");
    history[j * EPOCHS + job[j].epoch] = 16 * job[j].worker + cause;
    job[j].state = next;
    job[j].holder = 0;
    job[j].worker = (STATE_IN_COMPLETION || next >= COMPLETED -> 0 : job[j].worker);
    if
    :: next == QUEUED -> dispatch(j)
    :: else
    fi
}

/* job_insert.sql: a job, unless its key is taken. Without the index the gateway can only look
 * first and insert later. */
inline job_insert(s) {
    if
    :: IDEMPOTENCY_INDEX && key_job != 0
    :: job[s].state != ABSENT   /* job_specs_pkey: an earlier try of this very insert. */
    :: else ->
        if
        :: IDEMPOTENCY_INDEX || saw_no_key[s] ->
            PROMISE(key_job == 0, "one job for one idempotency key");
            key_job = s + 1;
            job[s].state = QUEUED;
            dispatch(s);
            printf("job_insert: job %d is accepted\n", s)
        :: else
        fi
    fi
}

/* job_claim.sql, and the `claimed` of job_steal.sql and job_claim_confined.sql. Whether the worker
 * is alive, and has no other job, was looked up when the statement began. */
inline job_claim(j, i) {
    took = (job[j].state == QUEUED || (!QUEUED_IN_CLAIM && is_open(j)));
    if
    :: took ->
        remember(j);
        PROMISE(job[j].holder == 0, "an attempt begins when the one before is over");
        job[j].state = IN_PROGRESS;
        job[j].epoch++;
        job[j].worker = i;
        attempts++;
        job[j].holder = attempts;
        printf("job_claim: job %d by incarnation %d, epoch %d\n", j, i, job[j].epoch)
    :: else -> printf("job_claim: job %d is not to be had for incarnation %d\n", j, i)
    fi
}

/* The fence of job_complete.sql and job_settle.sql. */
#define is_fenced(j, a) (is_open(j) \
    && (!STATE_IN_COMPLETION || is_active(j)) \
    && (!EPOCH_IN_COMPLETION || job[j].epoch == a.epoch) \
    && (!INCARNATION_IN_FENCE || job[j].worker == a.worker))

/* job_complete.sql, job_settle.sql. After a failover one worker may hold a job twice under one
 * fence: both attempts belong to the row's job and worker, and one of them counts. */
inline job_settle(j, a) {
    took = is_fenced(j, a);
    if
    :: took ->
        remember(j);
        PROMISE(job[j].holder == a.number
                    || (forgot && job[j].worker == a.worker && job[j].epoch == a.epoch),
                "an outcome counts for its own attempt only, and once");
        printf("job_settle: job %d, epoch %d of incarnation %d, outcome %d\n",
               j, a.epoch, a.worker, a.outcome);
        if
        :: a.outcome == COMPLETES ->
            end_attempt(j, COMPLETED, COMPLETES);
            job[j].worker = a.worker
        :: a.outcome != COMPLETES && CANCELLING_IN_RETRY && job[j].state == CANCELLING ->
            end_attempt(j, CANCELLED, WAS_CANCELLED)
        :: a.outcome == RETRYABLE && !(CANCELLING_IN_RETRY && job[j].state == CANCELLING) ->
            job[j].failures++;
            job[j].losses = 0;
            job[j].confined = false;
            if
            :: job[j].failures >= ATTEMPTS_MAX -> end_attempt(j, FAILED, RETRYABLE)
            :: else -> end_attempt(j, SCHEDULED, RETRYABLE)
            fi
        :: a.outcome == INTERRUPTED && !(CANCELLING_IN_RETRY && job[j].state == CANCELLING) ->
            job[j].losses = 0;
            job[j].confined = false;
            end_attempt(j, QUEUED, INTERRUPTED)
        fi
    :: else -> printf("job_settle: job %d refuses epoch %d of incarnation %d\n",
                      j, a.epoch, a.worker)
    fi
}

/* job_settled_before.sql: whether an earlier try of the same outcome wrote what is refused now. */
#define is_settled_before(j, a) \
    ((a.outcome == COMPLETES && job[j].state == COMPLETED && job[j].epoch == a.epoch \
        && job[j].worker == a.worker) \
     || (a.outcome != COMPLETES && (history[j * EPOCHS + a.epoch] == 16 * a.worker + a.outcome \
        || history[j * EPOCHS + a.epoch] == 16 * a.worker + WAS_CANCELLED)))
