// Everything that a client can ask for: the seam between the HTTP API and the rest. The API checks
// requests and handles JSON; the services commit, read and wait. Each is a part of the gateway with
// a queue and a thread of its own, so that no kind of call waits behind another.
#pragma once

#include "producer/service/fleet.h"
#include "producer/service/job_commands.h"
#include "producer/service/job_events.h"
#include "producer/service/job_reads.h"
#include "producer/service/job_scans.h"
#include "producer/service/submissions.h"

namespace millrace::service {

struct Services {
    Submissions& submissions;
    JobReads& reads;
    JobCommands& commands;
    JobScans& scans;
    JobEvents& events;
    Fleet& fleet;
    Lanes& lanes;
};

}  // namespace millrace::service
