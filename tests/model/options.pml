/* The options of a configuration of the model, and the guards that a mutant removes. `check` sets
 * them with -D. */

/* ---- What a configuration chooses --------------------------------------------------------- */

#ifndef SUBMITS
#define SUBMITS 1     /* Times that the client sends its one job; each has an id of its own. */
#endif
#ifndef WORKERS
#define WORKERS 2     /* Processes. */
#endif
#ifndef MESSAGES
#define MESSAGES 0    /* The maximum of one job in Kafka at a time. 0: Kafka is down. */
#endif
#ifndef DUPLICATES
#define DUPLICATES 0  /* Messages delivered twice. */
#endif
#ifndef DOUBTS
#define DOUBTS 0      /* Statements whose answer is lost; they commit later, or never. */
#endif
#ifndef CRASHES
#define CRASHES 0     /* Crashes of workers. */
#endif
#ifndef STOPS
#define STOPS 0       /* Workers that sign off in good order and leave rows behind. */
#endif
#ifndef LAPSES
#define LAPSES 0      /* Workers that pause, or are cut off, for longer than their lease. */
#endif
#ifndef OUTAGES
#define OUTAGES 0     /* Cuts of all workers at once. */
#endif
#ifndef FAILOVERS
#define FAILOVERS 0   /* Failovers to an asynchronous standby that lacks the last commit. */
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef EXPIRY
#define EXPIRY 0      /* Whether jobs have a time to live. */
#endif
#ifndef ATTEMPTS_MAX
#define ATTEMPTS_MAX 1
#endif
#ifndef LOSSES_MAX
#define LOSSES_MAX 3
#endif
#ifndef RECONCILE
#define RECONCILE 1   /* Workers hand back what they do not hold. */
#endif
#ifndef SWEEP
#define SWEEP 0       /* The keeper ends attempts past their deadline. */
#endif

/* ---- Guards: each is 1; `check` proves that the model fails where one is 0 ------------------ */

#ifndef EPOCH_IN_COMPLETION
#define EPOCH_IN_COMPLETION 1
#endif
#ifndef STATE_IN_COMPLETION
#define STATE_IN_COMPLETION 1
#endif
#ifndef INCARNATION_IN_FENCE
#define INCARNATION_IN_FENCE 1
#endif
#ifndef QUEUED_IN_CLAIM
#define QUEUED_IN_CLAIM 1
#endif
#ifndef LEASE_AT_START
#define LEASE_AT_START 1
#endif
#ifndef LEVEL_TRIGGERED_RESCUE
#define LEVEL_TRIGGERED_RESCUE 1
#endif
#ifndef RESCUE_OWNER_GUARD
#define RESCUE_OWNER_GUARD 1
#endif
#ifndef CANCELLING_IN_RESCUE
#define CANCELLING_IN_RESCUE 1
#endif
#ifndef CANCELLING_IN_RETRY
#define CANCELLING_IN_RETRY 1
#endif
#ifndef CANCELLING_IN_SWEEP
#define CANCELLING_IN_SWEEP 1
#endif
#ifndef RECONCILE_AND_SWEEP
#define RECONCILE_AND_SWEEP 1
#endif
#ifndef STEALING
#define STEALING 1
#endif
#ifndef MASS_OUTAGE
#define MASS_OUTAGE 1
#endif
#ifndef IDEMPOTENCY_INDEX
#define IDEMPOTENCY_INDEX 1
#endif

#define INCARNATIONS (WORKERS + CRASHES + STOPS + LAPSES + WORKERS * OUTAGES)
#define JOBS SUBMITS
#define PAIRS (WORKERS * JOBS)
#define EPOCHS 8
