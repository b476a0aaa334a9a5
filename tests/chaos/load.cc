#include "tests/chaos/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/http/http_client.h"
#include "tests/chaos/audit.h"
#include "tests/chaos/plan.h"
#include "tests/chaos/task_queue.h"
#include "tests/support/seeded_random.h"

namespace millrace::chaos {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kAnswerPatience{8000};  // Per answer.
constexpr milliseconds kWait{2000};            // For Prefer: wait.
constexpr milliseconds kPollMin{20};
constexpr milliseconds kPollMax{500};
constexpr milliseconds kSendAgain{300};  // After a lost answer.
constexpr milliseconds kRedrive{5000};   // Between two rounds of the operator.

struct Answer {
    Span span;
    int http = 0;
    Json body;
    milliseconds retry_after{0};
};

}  // namespace

// One job's client between two requests. Only one thread at a time holds it.
struct Errand {
    JobPlan plan;
    std::string id;
    bool cancelled = false;
    milliseconds pause = kPollMin;
    std::optional<TaskQueue::Clock::time_point> cancel_at;
};

class Load::Clients {
 public:
    Clients(LoadOptions options, HistoryWriter& history)
        : options_(std::move(options)), history_(history), begin_(TaskQueue::Clock::now()) {
        post_arrival(0);
        redrive_later();
        for (int i = 0; i < options_.clients; ++i) {
            threads_.emplace_back([this, i] { serve(static_cast<std::uint64_t>(i)); });
        }
    }

    ~Clients() {
        tasks_.close();
        for (auto& thread : threads_) thread.join();
    }

    int submitted() const { return submitted_; }
    int in_flight() const { return in_flight_; }
    void stop_submitting() { submitting_ = false; }

 private:
    using ErrandPtr = std::shared_ptr<Errand>;

    // Each thread has its own connection to the gateway that it talks to.
    struct Client {
        explicit Client(std::uint64_t seed) : random(seed) {}
        http::Client http;
        test::SeededRandom random;
    };

    void serve(std::uint64_t number) {
        Client client(options_.seed * 1000 + number);
        client_ = &client;
        while (const auto task = tasks_.take()) (*task)();
        client_ = nullptr;
    }

    void after(milliseconds pause, TaskQueue::Task task) {
        tasks_.post(TaskQueue::Clock::now() + pause, std::move(task));
    }

    // The rate does not depend on the state of the system.
    void post_arrival(int number) {
        const auto due =
            begin_ + std::chrono::duration_cast<TaskQueue::Clock::duration>(
                         std::chrono::duration<double>(number) / options_.jobs_per_second);
        tasks_.post(due, [this, number] {
            if (!submitting_) return;
            post_arrival(number + 1);
            arrive(number);
        });
    }

    void arrive(int number) {
        const auto errand = std::make_shared<Errand>();
        errand->plan = plan_job(options_.seed, number);
        history_.write(errand->plan.planned);
        ++submitted_;
        ++in_flight_;
        if (errand->plan.sent_twice) {
            after(milliseconds(0), [this, twin = std::make_shared<Errand>(*errand)] {
                static_cast<void>(send(*twin));
            });
        }
        submit(errand);
    }

    Answer exchange(http::Request request, milliseconds patience) {
        const auto which = client_->random.below(options_.urls.size());
        request.url = options_.urls.at(which) + request.url;
        request.timeout = patience;
        Answer answer;
        answer.span.from = history_.now();
        const auto response = client_->http.send(request);
        answer.span.to = history_.now();
        if (!response.has_value()) return answer;
        answer.http = response->status;
        answer.body = Json::parse(response->body, nullptr, false);
        if (const auto found = response->headers.find("retry-after");
            found != response->headers.end()) {
            answer.retry_after = std::chrono::seconds(std::atoi(found->second.c_str()));
        }
        return answer;
    }

    // --- Submitting ---

    Answer send(const Errand& errand) {
        http::Request request{.method = "POST", .url = "/v1/jobs"};
        request.headers.emplace_back("content-type: application/json");
        if (errand.plan.planned.keyed) {
            request.headers.push_back("idempotency-key: " + errand.plan.key);
        }
        request.body = errand.plan.body;
        auto answer = exchange(std::move(request), kAnswerPatience);
        std::string id;
        if (is_success(answer.http)) id = answer.body.value("id", "");
        if (answer.http == 504) id = answer.body.value("job_id", "");
        history_.write(Submitted{errand.plan.planned.job, answer.span, answer.http, id});
        return answer;
    }

    void submit(const ErrandPtr& errand) {
        const auto answer = send(*errand);
        const bool keyed = errand->plan.planned.keyed;
        if (is_success(answer.http)) {
            errand->id = answer.body.value("id", "");
            if (errand->plan.cancel_after) {
                errand->cancel_at = TaskQueue::Clock::now() + *errand->plan.cancel_after;
            }
            follow_later(errand);
        } else if (answer.http == 429 || answer.http == 503) {
            send_again(errand, answer.retry_after);
        } else if ((answer.http == 0 || answer.http == 504) && keyed) {
            send_again(errand, kSendAgain);
        } else if (answer.http == 504 && answer.body.contains("job_id")) {
            errand->id = answer.body.value("job_id", "");
            follow_later(errand);
        } else {
            give_up();
        }
    }

    void send_again(const ErrandPtr& errand, milliseconds pause) {
        const auto jitter = milliseconds(client_->random.below(300));
        after(pause + jitter, [this, errand] { submit(errand); });
    }

    void give_up() { --in_flight_; }

    // --- Following ---

    void follow_later(const ErrandPtr& errand) {
        auto due = TaskQueue::Clock::now() + errand->pause;
        errand->pause = std::min(kPollMax, errand->pause * 3 / 2);
        if (errand->cancel_at && !errand->cancelled) due = std::min(due, *errand->cancel_at);
        tasks_.post(due, [this, errand] { follow(errand); });
    }

    void follow(const ErrandPtr& errand) {
        const bool cancel_now = errand->cancel_at && !errand->cancelled &&
                                *errand->cancel_at <= TaskQueue::Clock::now();
        const auto seen = cancel_now ? ask(*errand, "cancel") : ask(*errand, "read");
        if (cancel_now && is_answer(seen)) errand->cancelled = true;
        if (seen.http == 404) return give_up();
        if (!seen.view.is_final()) return follow_later(errand);
        const bool by_hand = errand->plan.is_retried || errand->plan.is_redriven;
        if (by_hand && seen.view.status != "completed") {
            return go_on_by_hand(errand, seen.view.retried_by);
        }
        --in_flight_;
        read_again_later(errand);
    }

    static bool is_answer(const Seen& seen) { return is_success(seen.http); }

    // Some jobs are read once more, long after their end: the answer must be the same.
    void read_again_later(const ErrandPtr& errand) {
        if (client_->random.below(100) >= 10) return;
        const milliseconds pause(client_->random.below(10'000));
        after(pause, [this, errand] { static_cast<void>(ask(*errand, "read")); });
    }

    // --- Retrying by hand ---

    // A job that ended badly continues as its retry, as soon as there is one.
    void go_on_by_hand(const ErrandPtr& errand, const std::string& retry) {
        if (!retry.empty()) return follow_retry(errand, retry);
        if (errand->plan.is_redriven) return follow_later(errand);
        if (errand->plan.retried_twice) {
            after(milliseconds(0), [this, errand] { static_cast<void>(send_retry(*errand)); });
        }
        seek_retry(errand);
    }

    // Always safe to send again: no job has two retries.
    void seek_retry(const ErrandPtr& errand) {
        const auto answer = send_retry(*errand);
        if (is_success(answer.http)) return follow_retry(errand, answer.body.value("id", ""));
        if (!is_passing(answer.http)) return give_up();
        after(std::max(answer.retry_after, kSendAgain), [this, errand] { seek_retry(errand); });
    }

    Answer send_retry(const Errand& errand) {
        auto answer = exchange({.method = "POST", .url = "/v1/jobs/" + errand.id + "/retry"},
                               kAnswerPatience);
        const auto retry = is_success(answer.http) ? answer.body.value("id", "") : "";
        history_.write(Retried{errand.id, "retry", answer.span, answer.http, retry});
        return answer;
    }

    void follow_retry(const ErrandPtr& errand, const std::string& id) {
        read_again_later(errand);
        const auto retry = std::make_shared<Errand>();
        retry->plan = errand->plan;
        retry->plan.is_retried = retry->plan.is_redriven = false;
        retry->plan.cancel_after.reset();
        retry->id = id;
        follow_later(retry);
    }

    void redrive_later() {
        after(kRedrive, [this] {
            redrive(true);
            redrive(false);
            redrive_later();
        });
    }

    void redrive(bool dry_run) {
        const Json body{{"status", "cancelled"},
                        {"metadata", {{kRedriveKey, kRedriveValue}}},
                        {"dry_run", dry_run}};
        const auto answer = exchange({.method = "POST",
                                      .url = "/v1/jobs:retry",
                                      .headers = {"content-type: application/json"},
                                      .body = body.dump()},
                                     kAnswerPatience);
        Retried event{.how = "redrive", .span = answer.span, .http = answer.http};
        if (!is_success(answer.http) || dry_run) return history_.write(event);
        for (const auto& item : answer.body.value("data", Json::array())) {
            event.id = item.value("id", "");
            event.retry = item.value("retried_by", "");
            history_.write(event);
        }
    }

    Seen ask(const Errand& errand, const std::string& how) {
        http::Request request{.url = "/v1/jobs/" + errand.id};
        auto patience = kAnswerPatience;
        if (how == "cancel") {
            request.method = "POST";
            request.url += "/cancel";
        } else if (errand.plan.waits && !errand.plan.cancel_after) {
            request.headers.push_back(fmt::format("prefer: wait={}", kWait.count() / 1000));
            patience += kWait;
        }
        const auto answer = exchange(std::move(request), patience);
        Seen seen{.job = errand.plan.planned.job,
                  .id = errand.id,
                  .how = how,
                  .span = answer.span,
                  .http = answer.http};
        if (is_answer(seen)) seen.view = view_of(answer.body);
        history_.write(seen);
        return seen;
    }

    static thread_local Client* client_;

    const LoadOptions options_;
    HistoryWriter& history_;
    const TaskQueue::Clock::time_point begin_;
    TaskQueue tasks_;
    std::atomic<bool> submitting_{true};
    std::atomic<int> submitted_{0};
    std::atomic<int> in_flight_{0};
    std::vector<std::thread> threads_;
};

thread_local Load::Clients::Client* Load::Clients::client_ = nullptr;

Load::Load(LoadOptions options, HistoryWriter& history)
    : clients_(std::make_unique<Clients>(std::move(options), history)) {}

Load::~Load() = default;

int Load::submitted() const {
    return clients_->submitted();
}

int Load::in_flight() const {
    return clients_->in_flight();
}

void Load::stop_submitting() {
    clients_->stop_submitting();
}

}  // namespace millrace::chaos
