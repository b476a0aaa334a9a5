// What shows that a model server is not there although something answers, and what that costs a
// job. Pure, but for what Outages remembers.
#pragma once

#include <cstddef>
#include <string_view>
#include <unordered_map>

#include "common/base/clock.h"
#include "common/job/job.h"
#include "common/job/outcome.h"

namespace millrace::worker {

// A status that comes from what stands in front of the server.
bool is_of_a_gateway(long status);
// A page of HTML, which no model server answers with.
bool is_page(std::string_view body);

// A gateway that waits for its server gives up after some time. What took so long may be a job that
// is too slow for it, each time anew: such an answer counts as an ordinary failure.
inline constexpr milliseconds kGatewayPatienceMin{10'000};
bool gave_up_waiting(long status, milliseconds took);

// An outage costs a job no attempt; but what never gets another answer is bounded, because it may
// be this very job that ends the model's process each time. So outages alone are counted, by the
// worker that saw them: a job has had its share after so many of them, when the first one is so
// long ago. Before each attempt it rests longer by a step, up to a bound, because not every outage
// makes jobs wait elsewhere.
inline constexpr int kOutagesMin = 20;
inline constexpr std::chrono::minutes kOutagePatience{30};
// Fewer are enough to see that others are served meanwhile.
inline constexpr int kLonelyOutagesMin = 3;
inline constexpr milliseconds kOutageRestStep{1'000};
inline constexpr milliseconds kOutageRestMax{30'000};
// Above, the one that was seen the longest ago is forgotten: it begins anew.
inline constexpr std::size_t kOutageJobsMax = 10'000;

// The outages that jobs have seen here. Threads: one caller at a time.
class Outages {
 public:
    // The outcome to report of an attempt that found an outage: rate-limited, or when the job has
    // had its share, retryable. An attempt counts once, however many servers it asked.
    Outcome waited_out(Outcome outcome, const AttemptKey& key, MonoTime now);
    // The job has seen one since it was forgotten.
    bool saw(const JobId& job) const { return jobs_.contains(job); }
    // The job has seen several, and somebody was served since the last: it is alone with them.
    bool is_alone_with_them(const JobId& job, MonoTime served_at) const;
    void forget(const JobId& job) { jobs_.erase(job); }
    std::size_t size() const { return jobs_.size(); }

 private:
    struct Seen {
        MonoTime first;
        MonoTime last;
        Epoch epoch = 0;  // Of the last.
        int count = 0;
    };

    void make_room();

    std::unordered_map<JobId, Seen> jobs_;
};

}  // namespace millrace::worker
