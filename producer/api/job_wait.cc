#include "producer/api/job_wait.h"

#include <fmt/format.h>

#include <algorithm>

#include "producer/server/header_values.h"

namespace millrace::api {

using server::on_connection;
using server::prefer_wait;
using server::Wake;
using service::JobNotice;
using storage::JobRecord;

namespace {

class JobWait : public std::enable_shared_from_this<JobWait> {
 public:
    JobWait(const ApiContext& context, ExchangePtr exchange, JobReading reading,
            std::function<void(JobAnswer)> answer)
        : services_(context.services),
          exchange_(std::move(exchange)),
          reading_(std::move(reading)),
          answer_(std::move(answer)) {}

    void begin() {
        if (reading_.wait) watch();
        if (!subscription_) ending_ = true;
        read();
    }

 private:
    void watch() {
        const auto self = shared_from_this();
        subscription_ = services_.events.watch(
            reading_.id,
            on_connection<const JobNotice&>(exchange_, [self](const JobNotice& notice) {
                if (notice.kind == JobNotice::Kind::kFinished && !self->done_) self->read();
            }));
        if (!subscription_) return;  // Too many waiters: it answers at once.
        const auto wait = *reading_.wait;
        last_read_at_ = exchange_->request().received + wait - std::min(wait / 4, kReadTime);
        answer_at_ = exchange_->request().received + wait - std::min(wait / 10, kWriteTime);
        exchange_->wake_at(last_read_at_, [self](Wake wake) { self->woken(wake); });
    }

    void woken(Wake wake) {
        if (wake == Wake::kClientGone) return end();
        ending_ = true;
        const auto self = shared_from_this();
        exchange_->wake_at(answer_at_, [self](Wake) { self->answer_known(); });
        read();
    }

    void read() {
        const auto self = shared_from_this();
        services_.reads.get(
            reading_.id, reading_.fields,
            on_connection<Result<JobRecord>>(
                exchange_, [self](Result<JobRecord> job) { self->took(std::move(job)); }));
    }

    void took(Result<JobRecord> job) {
        if (done_) return;
        if (!job.has_value()) {
            if (!reading_.known) return answer(std::move(job));
            if (ending_) answer_known();
            return;  // Keeps the known state; the next read comes when the job or the wait ends.
        }
        if (ending_ || info(job->state).is_final) return answer(std::move(job));
        reading_.known = *std::move(job);
    }

    void answer_known() {
        if (done_) return;
        if (reading_.known) return answer(*std::move(reading_.known));
        answer(Error{ErrorCode::kUnavailable, "The job could not be read in time; try again."});
    }

    void answer(Result<JobRecord> job) {
        const bool waited = subscription_ != nullptr;
        const auto answer = std::move(answer_);
        end();
        answer({std::move(job), waited});
    }

    void end() {
        done_ = true;
        subscription_.reset();
        answer_ = nullptr;
    }

    // Subtracted from the client's wait: time to read the job once more, and to return the answer.
    static constexpr milliseconds kReadTime{500};
    static constexpr milliseconds kWriteTime{200};

    const service::Services& services_;
    const ExchangePtr exchange_;
    JobReading reading_;
    std::function<void(JobAnswer)> answer_;
    std::unique_ptr<service::Subscription> subscription_;
    MonoTime last_read_at_;
    MonoTime answer_at_;
    bool ending_ = false;  // The next state that is read is the answer, final or not.
    bool done_ = false;
};

}  // namespace

void read_job(const ApiContext& context, const ExchangePtr& exchange, JobReading reading,
              std::function<void(JobAnswer)> answer) {
    std::make_shared<JobWait>(context, exchange, std::move(reading), std::move(answer))->begin();
}

std::optional<milliseconds> wait_of(const Request& request, const codec::ApiOptions& options) {
    const auto wait = prefer_wait(request.prefer);
    if (!wait) return std::nullopt;
    const auto applied = std::min(*wait, options.wait_max);
    return applied.count() > 0 ? std::optional(applied) : std::nullopt;
}

std::string applied_text(milliseconds wait) {
    return fmt::format("wait={}", std::chrono::duration<double>(wait).count());
}

}  // namespace millrace::api
