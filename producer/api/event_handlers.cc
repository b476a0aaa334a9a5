// GET /v1/jobs/{id}/events: what happens to a job, as server-sent events.
//
// A stream begins with a snapshot (subscribe first, then read the row) and goes on with what is
// newer than it by (epoch, sequence). It ends after the final state.

#include <fmt/format.h>

#include <algorithm>

#include "producer/api/handlers.h"
#include "producer/api/job_json.h"
#include "producer/api/list_query.h"

namespace millrace::api {
namespace {

using gateway::JobNotice;
using storage::JobRecord;

class EventFeed : public std::enable_shared_from_this<EventFeed> {
 public:
    EventFeed(const ApiContext& context, ExchangePtr exchange, JobId id)
        : service_(context.service), exchange_(std::move(exchange)), id_(id) {}

    void begin() {
        const auto self = shared_from_this();
        subscription_ = service_.watch(
            id_, on_connection<const JobNotice&>(
                     exchange_, [self](const JobNotice& notice) { self->notice(notice); }));
        if (!subscription_) {
            return reply_problem(*exchange_,
                                 {ProblemCode::kOverloaded,
                                  "Too many requests wait for jobs; poll the job instead.",
                                  {}});
        }
        exchange_->wake_at(MonoTime::max(), [self](Wake wake) {
            self->end();
            if (wake == Wake::kClientGone) return;
            reply_problem(
                *self->exchange_,
                {ProblemCode::kUnavailable, "The gateway is shutting down; ask another.", {}});
        });
        read([self](Result<JobRecord> job) { self->open(std::move(job)); });
    }

 private:
    void read(std::function<void(Result<JobRecord>)> take) {
        service_.get(id_, {.output = true, .partial = true},
                     on_connection<Result<JobRecord>>(exchange_, std::move(take)));
    }

    void open(Result<JobRecord> job) {
        if (is_over_) return;
        if (!job.has_value()) {
            end();
            return reply_read_error(*exchange_, job.error());
        }
        const auto self = shared_from_this();
        is_open_ = true;
        exchange_->open_events([self] { self->end(); });
        send_snapshot(*job);
        for (const auto& notice : std::exchange(early_, {})) take(notice);
    }

    void notice(const JobNotice& notice) {
        if (is_over_) return;
        if (is_open_) return take(notice);
        // Between subscribing and the first read there is little time: this many are a flood.
        constexpr std::size_t kEarlyMax = 10000;
        if (early_.size() < kEarlyMax) early_.push_back(notice);
    }

    void send_snapshot(const JobRecord& job) {
        epoch_ = job.epoch;
        if (job.partial_text) sequence_ = job.partial_sequence;
        send("job.created", [&](JsonWriter& json) { json.member("status", name(job.state)); });
        if (job.queued_at) send("job.queued");
        if (info(job.state).is_active) send_started(job.worker_name);
        if (job.partial_text && !job.partial_text->empty()) send_delta(*job.partial_text);
        if (info(job.state).is_final) send_final(job);
    }

    void take(const JobNotice& notice) {
        if (is_over_) return;
        const bool is_old = notice.epoch < epoch_ && notice.epoch != 0;
        switch (notice.kind) {
            case JobNotice::Kind::kFinished:
                return finish(notice.state);
            case JobNotice::Kind::kRequeued:
                if (is_old) return;
                return send("job.retrying",
                            [&](JsonWriter& json) { json.member("status", name(notice.state)); });
            case JobNotice::Kind::kStarted:
                if (notice.epoch > epoch_) start_epoch(notice.epoch, notice.text);
                return;
            case JobNotice::Kind::kPartial:
                if (is_new(notice)) send_delta(notice.text);
                return;
            case JobNotice::Kind::kProgress:
                if (is_new(notice)) send_progress(notice);
                return;
        }
    }

    // Of a partial or progress: whether it comes after all that was sent.
    bool is_new(const JobNotice& notice) {
        if (notice.epoch < epoch_) return false;
        if (notice.epoch > epoch_) {
            start_epoch(notice.epoch, "");  // Its start was lost.
        } else if (notice.sequence <= sequence_) {
            return false;
        }
        sequence_ = notice.sequence;
        return true;
    }

    // Text that was sent before it is void.
    void start_epoch(Epoch epoch, std::string_view worker) {
        epoch_ = epoch;
        sequence_ = -1;
        send_started(worker);
    }

    void send_started(std::string_view worker) {
        send("job.started", [&](JsonWriter& json) {
            json.member("epoch", epoch_);
            json.member("worker", worker);
        });
    }

    void send_delta(std::string_view text) {
        send("job.output.delta", [&](JsonWriter& json) { json.member("delta", text); });
    }

    void send_progress(const JobNotice& notice) {
        send("job.progress", [&](JsonWriter& json) {
            json.name("progress");
            json.begin_object();
            json.member("fraction", std::clamp(notice.fraction, 0.0, 1.0));
            json.member("message", notice.text);
            json.end_object();
        });
    }

    // The row has the output; the notice only says that it is there.
    void finish(JobState state) {
        if (std::exchange(is_finishing_, true)) return;
        const auto self = shared_from_this();
        read([self, state](Result<JobRecord> job) {
            if (self->is_over_) return;
            if (job.has_value() && info(job->state).is_final) return self->send_final(*job);
            self->send(final_type(state), [&](JsonWriter& json) {
                json.member("status", name(state));
                json.null_member("job");
            });
            self->close();
        });
    }

    void send_final(const JobRecord& job) {
        send(final_type(job.state), [&](JsonWriter& json) {
            json.member("status", name(job.state));
            json.name("job");
            write_job(json, job, service_);
        });
        close();
    }

    static std::string final_type(JobState state) { return fmt::format("job.{}", name(state)); }

    void send(std::string_view type) {
        send(type, [](JsonWriter&) {});
    }

    template <class Write>
    void send(std::string_view type, const Write& write) {
        ++number_;
        JsonWriter json;
        json.begin_object();
        json.member("type", type);
        json.member("sequence_number", number_);
        json.member("job_id", id_.str());
        write(json);
        json.end_object();
        auto data = std::move(json).text();
        // An output may come with line breaks between its values; a data line must not.
        std::ranges::replace(data, '\n', ' ');
        std::ranges::replace(data, '\r', ' ');
        exchange_->send_event(fmt::format("id: {}\nevent: {}\ndata: {}\n\n", number_, type, data));
    }

    void close() {
        end();
        exchange_->close_events();
    }

    void end() {
        is_over_ = true;
        subscription_.reset();
    }

    gateway::JobService& service_;
    const ExchangePtr exchange_;
    const JobId id_;
    std::unique_ptr<gateway::Subscription> subscription_;
    std::vector<JobNotice> early_;  // Notices from before the snapshot.
    Epoch epoch_ = 0;
    std::int64_t sequence_ = -1;  // Of the last partial or progress of the epoch; -1: none yet.
    int number_ = 0;              // Of the last event in this stream.
    bool is_open_ = false;
    bool is_finishing_ = false;
    bool is_over_ = false;
};

}  // namespace

void stream_events(const ApiContext& context, const ExchangePtr& exchange) {
    const auto query = decode_no_query(exchange->request().query);
    if (!query.has_value()) return reply_problem(*exchange, query.error());
    with_job_id(context, exchange, [&context, exchange](JobId id) {
        std::make_shared<EventFeed>(context, exchange, id)->begin();
    });
}

}  // namespace millrace::api
