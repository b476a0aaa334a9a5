// GET /v1/jobs/{id}/events: the events of a job as server-sent events.
//
// A stream begins with a snapshot (subscribe first, then read the row) or at the place that the
// reader's Last-Event-ID names, and continues with whatever is newer. It ends after the final
// state.
//
// The row lags behind the deltas, and deltas may be lost. OutputText detects such a hole, and the
// row is read again until the hole is filled.

#include <fmt/format.h>

#include <algorithm>

#include "producer/api/codec/job_json.h"
#include "producer/api/codec/list_query.h"
#include "producer/api/handlers.h"
#include "producer/api/output_text.h"

namespace millrace::api {

using json_text::JsonWriter;
using server::on_connection;
using server::ProblemCode;
using server::reply_problem;
using server::Wake;
using service::JobNotice;
using storage::JobRecord;

namespace {

// The interval between reads of the row of a running job that sends nothing.
constexpr milliseconds kQuietInterval = FillPace::kMax;

class EventFeed : public std::enable_shared_from_this<EventFeed> {
 public:
    EventFeed(const ApiContext& context, ExchangePtr exchange, JobId id)
        : services_(context.services), exchange_(std::move(exchange)), id_(id) {}

    void begin() {
        const auto self = shared_from_this();
        subscription_ = services_.events.watch(
            id_, on_connection<const JobNotice&>(
                     exchange_, [self](const JobNotice& notice) { self->notice(notice); }));
        if (!subscription_) {
            return reply_problem(
                *exchange_,
                {ProblemCode::kOverloaded,
                 "Too many requests wait for jobs (gateway.waiters_max); poll the job instead.",
                 {}});
        }
        exchange_->wake_at(MonoTime::max(), [self](Wake wake) {
            self->end();
            if (wake == Wake::kClientGone) return;
            reply_problem(
                *self->exchange_,
                {ProblemCode::kUnavailable, "The gateway is shutting down; use another.", {}});
        });
        read([self](Result<JobRecord> job) { self->open(std::move(job)); });
    }

 private:
    void read(std::function<void(Result<JobRecord>)> take) {
        services_.reads.get(id_, {.output = true, .partial = true},
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
        // Little time passes between subscribing and the first read, so this many notices are a
        // flood. Output that is dropped here leaves a hole, which is filled like any other.
        constexpr std::size_t kEarlyMax = 10000;
        constexpr std::size_t kEarlyBytesMax = 1 << 20;
        const bool is_output =
            notice.kind == JobNotice::Kind::kPartial || notice.kind == JobNotice::Kind::kProgress;
        const bool is_full = early_.size() >= kEarlyMax || early_bytes_ > kEarlyBytesMax;
        if (is_output && is_full) return;
        early_bytes_ += notice.text.size();
        early_.push_back(notice);
    }

    void send_snapshot(const JobRecord& job) {
        runs_ = info(job.state).is_active;
        const auto reader = TextCursor::parse(exchange_->request().last_event_id);
        if (reader && goes_on(*reader, job)) {
            text_ = OutputText(*reader);
            const bool waits = !runs_ && !info(job.state).is_final;
            if (waits && job.epoch > 0) send_retrying(job.state, job.error_code, job.error_message);
        } else {
            begin_anew(job);
        }
        if (job.partial_text) sequence_ = job.partial_sequence;
        fill(job);
        if (info(job.state).is_final) return send_final(job);
        watch_text();
    }

    // Starts again, because the text that the reader has is void.
    void begin_anew(const JobRecord& job) {
        text_ = OutputText({.epoch = job.epoch});
        send("job.created", [&](JsonWriter& json) { json.member("status", name(job.state)); });
        if (job.queued_at) send("job.queued");
        if (runs_) send_started(job.worker_name);
    }

    // Whether the reader's text is the beginning of this attempt's text.
    static bool goes_on(const TextCursor& reader, const JobRecord& job) {
        if (reader.epoch != job.epoch) return false;
        if (job.output_json) {
            const auto whole = text_of_output(*job.output_json);
            return !whole || reader.begins(*whole);
        }
        return !job.partial_text || may_go_on(reader, *job.partial_text);
    }

    // Whether the row's text is consistent with the reader's. The row may lag behind.
    static bool may_go_on(const TextCursor& reader, std::string_view text) {
        return text.size() < reader.bytes || reader.begins(text);
    }

    // Sends the reader the row's text beyond its own.
    void fill(const JobRecord& job) {
        if (job.epoch > epoch()) start_epoch(job.epoch, job.worker_name);
        if (job.epoch != epoch() || !job.partial_text) return;
        // An empty row could not show it earlier: the reader came with the position of another job.
        if (!may_go_on(text_.reader(), *job.partial_text)) begin_anew(job);
        send_delta(text_.take_whole(*job.partial_text));
    }

    // Schedules a read of the row if that may bring text.
    void watch_text() {
        if (is_over_ || is_reading_) return;
        const bool has_hole = text_.has_hole();
        if (!has_hole) fill_pace_ = {};
        if (!has_hole && (!runs_ || is_watched_)) return;
        if (has_hole && std::exchange(is_urgent_, true)) return;
        is_watched_ = true;
        const auto wait = has_hole ? fill_pace_.next() : kQuietInterval;
        exchange_->wake_at(system_clock().now() + wait, [self = shared_from_this()](Wake wake) {
            self->is_watched_ = self->is_urgent_ = false;
            if (wake != Wake::kTimer) return;
            // A delta proves that all earlier text has arrived; then there is nothing to read.
            const bool has_heard = std::exchange(self->has_heard_, false);
            if (has_heard && !self->text_.has_hole()) return self->watch_text();
            self->read_again();
        });
    }

    void read_again() {
        if (is_over_ || is_finishing_) return;
        is_reading_ = true;
        read([self = shared_from_this()](const Result<JobRecord>& job) {
            self->is_reading_ = false;
            if (self->is_over_ || self->is_finishing_) return;
            if (job.has_value() && info(job->state).is_final) return self->send_final(*job);
            if (job.has_value()) {
                self->runs_ = info(job->state).is_active;
                if (self->runs_) self->fill(*job);
            }
            self->watch_text();
        });
    }

    void take(const JobNotice& notice) {
        if (is_over_) return;
        const bool is_old = notice.epoch < epoch() && notice.epoch != 0;
        switch (notice.kind) {
            case JobNotice::Kind::kFinished:
                return finish(notice.state);
            case JobNotice::Kind::kRequeued:
                if (is_old) return;
                runs_ = false;
                return send_retrying(notice.state, notice.error_code, notice.text);
            case JobNotice::Kind::kStarted:
                if (notice.epoch > epoch()) start_epoch(notice.epoch, notice.text);
                return watch_text();
            case JobNotice::Kind::kPartial:
                take_partial(notice);
                return watch_text();
            case JobNotice::Kind::kProgress:
                if (is_new(notice)) send_progress(notice);
                return;
        }
    }

    void take_partial(const JobNotice& notice) {
        const bool is_next = is_new(notice);
        if (notice.epoch != epoch()) return;
        has_heard_ = notice.offset.has_value();
        if (notice.offset) return send_delta(text_.take(*notice.offset, notice.text));
        // From an older worker: only the order of its deltas is known.
        if (is_next) send_delta(text_.take(text_.reader().bytes, notice.text));
    }

    // Whether a partial or progress notice is newer than everything sent so far.
    bool is_new(const JobNotice& notice) {
        if (notice.epoch < epoch()) return false;
        if (notice.epoch > epoch()) {
            start_epoch(notice.epoch, "");  // Its start was lost.
        } else if (notice.sequence <= sequence_) {
            return false;
        }
        sequence_ = notice.sequence;
        return true;
    }

    Epoch epoch() const { return text_.reader().epoch; }

    // Begins another attempt; text sent before it is void.
    void start_epoch(Epoch epoch, std::string_view worker) {
        text_ = OutputText({.epoch = epoch});
        sequence_ = -1;
        runs_ = true;
        send_started(worker);
    }

    void send_retrying(JobState state, std::string_view code, std::string_view message) {
        send("job.retrying", [&](JsonWriter& json) {
            json.member("status", name(state));
            codec::write_attempt_error(json, "error", code, message);
        });
    }

    void send_started(std::string_view worker) {
        send("job.started", [&](JsonWriter& json) {
            json.member("epoch", epoch());
            json.member("worker", worker);
        });
    }

    void send_delta(std::string_view text) {
        if (text.empty()) return;
        send("job.output.delta", [&](JsonWriter& json) {
            json.member("epoch", epoch());
            json.member("offset", static_cast<std::int64_t>(text_.reader().bytes - text.size()));
            json.member("delta", text);
        });
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

    // The notice only says that the job ended; the output is in the row.
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
        // Completes a text that the reader has begun to read. Its last deltas may be missing, and
        // so may everything about a later attempt.
        if (text_.reader().bytes > 0 || text_.has_hole()) {
            if (job.epoch > epoch()) start_epoch(job.epoch, job.worker_name);
            const auto text = job.output_json ? text_of_output(*job.output_json) : std::nullopt;
            if (text) send_delta(text_.take_whole(*text));
        }
        send(final_type(job.state), [&](JsonWriter& json) {
            json.member("status", name(job.state));
            json.name("job");
            codec::write_job(json, job, services_.fleet);
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
        // An output may have line breaks between its values; a data line must not.
        std::ranges::replace(data, '\n', ' ');
        std::ranges::replace(data, '\r', ' ');
        exchange_->send_event(
            fmt::format("id: {}\nevent: {}\ndata: {}\n\n", text_.reader().str(), type, data));
    }

    void close() {
        end();
        exchange_->close_events();
    }

    void end() {
        is_over_ = true;
        subscription_.reset();
    }

    const service::Services& services_;
    const ExchangePtr exchange_;
    const JobId id_;
    std::unique_ptr<service::Subscription> subscription_;
    std::vector<JobNotice> early_;  // Notices before the snapshot.
    std::size_t early_bytes_ = 0;
    OutputText text_;  // The current or last attempt's.
    FillPace fill_pace_;
    std::int64_t sequence_ = -1;  // Last partial or progress of the epoch; -1: none yet.
    int number_ = 0;              // The last event in this stream.
    bool runs_ = false;           // As far as is known.
    bool is_watched_ = false;     // The row will be read again ...
    bool is_urgent_ = false;      // ... and soon.
    bool has_heard_ = false;      // A delta with its offset came since the last look.
    bool is_reading_ = false;
    bool is_open_ = false;
    bool is_finishing_ = false;
    bool is_over_ = false;
};

}  // namespace

void stream_events(const ApiContext& context, const ExchangePtr& exchange) {
    const auto query = codec::decode_no_query(exchange->request().query);
    if (!query.has_value()) return reply_problem(*exchange, query.error());
    with_job_id(context, exchange, [&context, exchange](JobId id) {
        std::make_shared<EventFeed>(context, exchange, id)->begin();
    });
}

}  // namespace millrace::api
