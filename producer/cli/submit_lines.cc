// `millrace submit --jsonl`: many jobs, one request body per line.
//
// Every line is checked before the first is sent. Ids are printed batch by batch, so that the ids
// of all accepted jobs are printed even if the command stops halfway. It says where to continue.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "producer/cli/api_client.h"
#include "producer/cli/batches.h"
#include "producer/cli/interrupt.h"
#include "producer/cli/json_text.h"
#include "producer/cli/model.h"
#include "producer/cli/prompt.h"
#include "producer/cli/show.h"
#include "producer/cli/submit.h"
#include "producer/cli/terminal.h"

namespace millrace::cli {
namespace {

class LineSubmitter {
 public:
    LineSubmitter(const GlobalOptions& global, const SubmitOptions& options,
                  const std::vector<JobLine>& jobs)
        : global_(global),
          options_(options),
          jobs_(jobs),
          api_(global.url),
          bar_("submitting", jobs.size()) {}

    int run() {
        const InterruptHold hold(
            "waiting for the gateway's answer, which has the jobs' ids; Ctrl-C again stops at "
            "once");
        auto why = send_all();
        bar_.interrupt();
        if (why && sent_ == 0) return fail(*why);
        if (refused_ > 0 || why || sent_ < jobs_.size()) {
            note(fmt::format("{} of {} jobs were accepted", accepted_, jobs_.size()));
        }
        if (!why && sent_ == jobs_.size()) return refused_ == 0 ? kOk : kUsage;
        const int signal = InterruptHold::signal();
        const auto code = stop(why.value_or(Error{ErrorCode::kCancelled, "interrupted"}));
        return signal != 0 ? 128 + signal : code;
    }

 private:
    // Sends until all are sent, a signal came (which is not an error), or sending fails.
    std::optional<Error> send_all() {
        if (auto model = find_model(); !model.has_value()) return model.error();
        while (sent_ < jobs_.size()) {
            if (InterruptHold::signal() != 0) return std::nullopt;
            const auto sent = options_.idempotency_key.empty() ? send_batch() : send_line();
            if (!sent.has_value()) return sent.error();
        }
        return std::nullopt;
    }

    // Says why it stopped, and how to continue.
    int stop(const Error& why) {
        if (sent_ == jobs_.size()) return fail(why);
        const auto line = jobs_[sent_].line;
        const auto code =
            fail({why.code, fmt::format("stopped before line {}: {}", line, why.message)});
        if (why.code == ErrorCode::kUnavailable || why.code == ErrorCode::kOutcomeUnknown) {
            note("it is not known whether the last request arrived: `millrace list` shows it");
        }
        if (!options_.idempotency_key.empty()) {
            note("submit the same file with the same key to continue");
        } else if (options_.jsonl != "-") {
            note(fmt::format(
                "to continue, use the same options: tail -n +{} {} | millrace submit --jsonl -",
                line, options_.jsonl));
        }
        return code;
    }

    // Finds the model for lines that name none.
    Status find_model() {
        model_ = options_.model;
        const auto names_none = [](const JobLine& job) { return !job.has_model; };
        if (!model_.empty() || std::ranges::none_of(jobs_, names_none)) return ok();
        TRY(model_, only_model(api_, options_.queue));
        return ok();
    }

    std::string body_of(const JobLine& job) const {
        return job.has_model ? job.body : json_with(job.body, "model", json_string(model_));
    }

    // If a batch is refused as a whole (for example because it is too large for this gateway), it
    // is halved until it is a single job, which is then refused alone.
    Status send_batch() {
        const auto count = std::min(batch_size(jobs_, sent_), batch_max_);
        std::string body = R"({"jobs":[)";
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0) body += ',';
            body += body_of(jobs_[sent_ + i]);
        }
        const auto answer = api_.submit_batch(body + "]}", random_key());
        if (!answer.has_value()) {
            if (answer.error().code != ErrorCode::kInvalidArgument) return answer.error();
            if (count == 1) {
                refuse(answer.error().message);
            } else {
                batch_max_ = count / 2;
            }
            return ok();
        }
        const auto items = json_elements(json_member(answer->text, "data"));
        if (items.size() != count) {
            return Error{ErrorCode::kInternal, "the gateway's answer does not match the batch"};
        }
        for (const auto item : items) take(item);
        return flush();
    }

    // Gives each line its own key, so that the same file can be sent again, even with lines added.
    Status send_line() {
        const auto& job = jobs_[sent_];
        const auto answer =
            api_.submit(body_of(job), fmt::format("{}-{}", options_.idempotency_key, job.line));
        if (answer.has_value()) {
            take(answer->text);
            return flush();
        }
        if (answer.error().code != ErrorCode::kInvalidArgument) return answer.error();
        refuse(answer.error().message);
        return ok();
    }

    // Takes the gateway's answer for the next job.
    void take(std::string_view item) {
        const auto reply = parse_json(item);
        const auto id = text_of(reply, "id");
        if (id.empty()) {
            const auto message = text_of(member_of(reply, "error"), "message");
            return refuse(message.empty() ? "refused" : message);
        }
        const auto line = std::to_string(jobs_[sent_].line);
        out_ += global_.json ? json_with(one_line(item), "line", line) : id;
        out_ += '\n';
        ++accepted_;
        ++sent_;
    }

    void refuse(std::string message) {
        message = without_place(std::move(message));
        const auto line = jobs_[sent_].line;
        bar_.interrupt();
        note(fmt::format("{} line {}: {}", file_name(options_.jsonl), line, message));
        if (global_.json) {
            out_ += fmt::format(R"({{"line":{},"error":{{"message":{}}}}})", line,
                                json_string(message));
            out_ += '\n';
        }
        ++refused_;
        ++sent_;
    }

    Status flush() {
        bar_.advance(sent_ - drawn_);
        drawn_ = sent_;
        if (print_out(out_)) {
            out_.clear();
            return ok();
        }
        fmt::print(stderr, "{}", out_);
        return Error{ErrorCode::kInternal,
                     "cannot write ids to standard output; the last ones are above"};
    }

    const GlobalOptions& global_;
    const SubmitOptions& options_;
    const std::vector<JobLine>& jobs_;
    ApiClient api_;
    ProgressBar bar_;
    std::string model_;
    std::string out_;  // Lines not printed yet.
    std::size_t sent_ = 0;
    std::size_t drawn_ = 0;
    std::size_t accepted_ = 0;
    std::size_t refused_ = 0;
    std::size_t batch_max_ = kBatchJobsMax;
};

int refuse_lines(const JobLines& lines) {
    for (const auto& fault : lines.faults) note(fault);
    const auto count = lines.faults_count;
    const auto more = count - lines.faults.size();
    return fail(invalid(fmt::format(
        "nothing was submitted: {} line{} cannot be sent{}", count, count == 1 ? "" : "s",
        more > 0 ? fmt::format(", of which {} are not shown", more) : "")));
}

}  // namespace

int submit_lines(const GlobalOptions& global, const SubmitOptions& options) {
    const auto text = read_input(options.jsonl);
    if (!text.has_value()) return fail(text.error());
    const auto lines = job_lines(*text, options.jsonl, envelope_json(options));
    if (lines.faults_count > 0) return refuse_lines(lines);
    if (lines.jobs.empty()) note(fmt::format("{} has no job", file_name(options.jsonl)));
    return LineSubmitter(global, options, lines.jobs).run();
}

}  // namespace millrace::cli
