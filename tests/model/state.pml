/* The whole state of the model: PostgreSQL's tables, and the memories of the processes. */

/* ---- Numbers that the code uses (common/job) ------------------------------------------------ */

#define ABSENT 0
#define SCHEDULED 1
#define QUEUED 3
#define IN_PROGRESS 4
#define CANCELLING 5
#define COMPLETED 6
#define FAILED 7
#define CANCELLED 8
#define EXPIRED 9

#define ALIVE 1   /* worker_state */
#define STOPPED 3
#define LOST 4

#define COMPLETES 1    /* outcome */
#define RETRYABLE 3
#define TIMED_OUT 5
#define INTERRUPTED 6
#define WAS_CANCELLED 7
#define WORKER_LOST 8

#define NOTHING 0   /* phase of a claim or an attempt */
#define SENT 1
#define ANSWERED 2
#define RUNNING 3
#define SETTLING 4

/* ---- PostgreSQL ------------------------------------------------------------------------------ */

typedef Row {
    byte state;
    byte epoch;
    byte worker;    /* Incarnation; 0 is NULL. */
    byte failures;
    byte losses;
    bool confined;  /* Only job_claim_confined.sql takes it. */
    byte holder;    /* Ghost: number of the attempt that holds the job, 0 if none does. */
}
Row job[JOBS];          /* jobs_open, and jobs_final: the state says which. */
byte key_job;           /* idempotency_keys: 1 + the job of the one key. */
byte worker_state[INCARNATIONS + 1];
byte history[JOBS * EPOCHS];        /* job_attempts: 16 * worker + outcome. */
byte attempts;          /* Ghost: numbers all attempts, also those that PostgreSQL forgot. */
bool forgot;            /* Ghost: a commit was lost. */
#if FAILOVERS
Row before[JOBS];       /* Each row before its last commit. */
#endif

/* ---- Processes' memories --------------------------------------------------------------------- */

typedef Attempt {
    byte phase;
    byte worker;    /* With epoch: the fence. */
    byte epoch;
    byte number;    /* Ghost: which attempt it is. */
    byte outcome;
    bool written;   /* Ghost: the outcome is in PostgreSQL. */
}
byte incarnation[WORKERS];              /* 0: the process is down. */
byte incarnations;
bool leased[INCARNATIONS + 1];          /* Its worker believes in its lease. */
Attempt claim[PAIRS];                   /* On its way; somebody waits for the answer. */
byte late_claim[PAIRS];                 /* Nobody waits any more: the incarnation. */
Attempt held[PAIRS];                    /* What a worker's executor holds. */
Attempt late[PAIRS];                    /* A settlement that is on its way; nobody waits. */

byte message[JOBS];                     /* In Kafka. */
byte insert[SUBMITS];                   /* phase of each submit. */
bool late_insert[SUBMITS];
bool saw_no_key[SUBMITS];
byte answer;                            /* To the client: 1 + the job. */

byte rescued[JOBS];                     /* The keeper's statement saw this worker gone. */
bool news[INCARNATIONS + 1];            /* Gone, and no pass of the keeper since. */
bool suspect[INCARNATIONS + 1];         /* Declared lost a moment ago. */
bool in_outage[INCARNATIONS + 1];       /* workers.lost_in_outage */

byte duplicates = DUPLICATES, doubts = DOUBTS, crashes = CRASHES, stops = STOPS;
byte lapses = LAPSES, outages = OUTAGES, failovers = FAILOVERS, cancels = CANCELS;

#define PROMISE(holds, what) \
    if \
    :: (holds) \
    :: else -> printf("BROKEN: "); printf(what); printf("\n"); assert(holds) \
    fi

#define is_waiting(j) (job[j].state == SCHEDULED || job[j].state == QUEUED)
#define is_active(j) (job[j].state == IN_PROGRESS || job[j].state == CANCELLING)
#define is_open(j) (is_waiting(j) || is_active(j))
#define is_gone(i) (worker_state[i] == STOPPED || worker_state[i] == LOST)
#define is_same(a, b) (a.worker == b.worker && a.epoch == b.epoch && a.number == b.number)
