// Recognizes a page in place of a model server's answer, and decides what outages cost a job. Pure,
// except for the memory of Outages.
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/job/job.h"
#include "common/job/outcome.h"

namespace millrace::backends::serving {

// Whether the body is an HTML page, which no model server sends.
bool is_page(std::string_view body);

// An outage costs a job no attempt. But a job that never gets another answer must not go on
// forever, because it may itself end the model's process each time. So each worker counts the
// outages that each job meets. From the kOutagesMin-th on, if the first was at least
// kOutagePatience ago, an outage counts as a failure. Before each further attempt the job rests for
// a step longer, up to a bound, because not every outage makes jobs wait elsewhere.
inline constexpr int kOutagesMin = 20;
inline constexpr std::chrono::minutes kOutagePatience{30};
// If other jobs are served meanwhile, fewer outages are enough to blame the job.
inline constexpr int kLonelyOutagesMin = 3;
inline constexpr milliseconds kOutageRestStep{1'000};
inline constexpr milliseconds kOutageRestMax{30'000};
// Beyond this number, the job whose last outage was longest ago is forgotten: it starts from zero.
inline constexpr std::size_t kOutageJobsMax = 10'000;

// The outages that jobs have met in this worker. Threads: one caller at a time.
class Outages {
 public:
    // The outcome to report for an attempt that met an outage: rate-limited, or retryable if the
    // job has met too many. An attempt counts once, however many servers it tried.
    Outcome waited_out(Outcome outcome, const AttemptKey& key, MonoTime now);
    // The same for an outage that the job may have caused itself, because its call ended without an
    // answer: retryable if the job is alone with them.
    Outcome weigh_unanswered(Outcome outcome, const AttemptKey& key, MonoTime served_at,
                             MonoTime now);
    // Whether the job has met an outage since the last forget().
    bool saw(const JobId& job) const { return jobs_.contains(job); }
    // Whether the job has met at least kLonelyOutagesMin outages, and another job was served since
    // the last one: then the outages may be this job's fault.
    bool is_alone_with_them(const JobId& job, MonoTime served_at) const;
    void forget(const JobId& job) { jobs_.erase(job); }
    std::size_t size() const { return jobs_.size(); }

 private:
    struct Seen {
        MonoTime first;
        MonoTime last;
        Epoch epoch = 0;  // Of the last outage.
        int count = 0;
    };

    void make_room();

    std::unordered_map<JobId, Seen> jobs_;
};

}  // namespace millrace::backends::serving
