#include "worker/backends/oip/infer_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include "common/http/http_client.h"
#include "worker/backends/oip/infer_body.h"
#include "worker/backends/outcomes.h"

namespace millrace::backends::oip {
namespace {

// A model may be reloaded with other tensors: older metadata are fetched again, beside the work.
constexpr std::chrono::minutes kMetadataAgeMax{1};
// Size of the answer's JSON (names, shapes) for each job.
constexpr std::size_t kAnswerOverheadBytes = 64 << 10;
constexpr milliseconds kIdle{60'000};
constexpr const char* kLengthHeader = "Inference-Header-Content-Length";

// Parses "name" or "name/versions/2".
std::string path_of(const std::string& server_name) {
    const auto version = std::min(server_name.find("/versions/"), server_name.size());
    return "/v2/models/" + http::percent_encode(server_name.substr(0, version)) +
           server_name.substr(version);
}

// The value of the header of an answer with bytes after its JSON; nothing if it is absent.
std::optional<std::size_t> json_bytes_of(const serving::HttpCall& call) {
    const auto text = call.header(kLengthHeader);
    if (!text) return std::nullopt;
    std::size_t size = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), size);
    return parsed.ec == std::errc() ? size : std::size_t{0};
}

}  // namespace

InferLoop::InferLoop(const OipOptions& options, const std::map<std::string, std::string>& models,
                     const std::vector<std::string>& base_urls, ExecutionSink& sink)
    : options_(options), base_urls_(base_urls), sink_(sink), multi_(options.slots) {
    serve(models);
}

bool InferLoop::runs_alone(const std::string& name) const {
    const MutexLock lock(mutex_);
    return alone_.contains(name);
}

void InferLoop::serve(const std::map<std::string, std::string>& models) {
    for (auto& [_, model] : models_) model.is_served = false;
    for (const auto& [name, server_name] : models) {
        // Metadata are fetched beside the requests of all slots.
        auto& model = models_.try_emplace(name, name, base_urls_, options_.slots + 1).first->second;
        model.path = path_of(server_name);
        model.is_served = true;
    }
}

InferLoop::~InferLoop() {
    end_all();
}

void InferLoop::end_all() {
    while (!running_.empty()) {
        const auto [batch, index] = running_.begin()->second;
        finish(*batch, index, aborted_outcome(AbortReason::kInterrupted));
    }
    for (auto& batch : batches_) {
        if (batch.sent) multi_.stop(*batch.sent->call);
    }
    batches_.clear();
    for (auto& [_, model] : models_) {
        model.fetch.reset();
        model.waiting.clear();
        model.parked.clear();
    }
}

void InferLoop::begin(std::vector<Execution> executions) {
    const auto& name = executions.front().job.spec.model;  // The same for all: they share a key.
    const auto model = models_.find(name);
    const bool is_served = model != models_.end() && model->second.is_served;
    auto& batch = batches_.emplace_back();
    batch.self = std::prev(batches_.end());
    for (auto& execution : executions) {
        const auto index = batch.items.size();
        auto job = parse_infer_job(execution.job.spec.input_json);
        batch.items.push_back(
            {.key = execution.job.key, .deadline = execution.deadline, .job = {}});
        auto& item = batch.items.back();
        running_[item.key] = {&batch, index};
        if (!is_served) {
            // The model was served when the job was claimed.
            finish(batch, index,
                   failed_outcome(OutcomeKind::kRateLimited, "model_unavailable",
                                  fmt::format("no server offers the model '{}' any more", name)));
        } else if (!job.has_value()) {
            finish(batch, index, invalid_input(job.error().message));
        } else {
            item.job = *std::move(job);
        }
    }
    if (!is_served) {
        batches_.erase(batch.self);
        return;
    }
    batch.model = &model->second;
    const bool is_known = batch.model->metadata.has_value();
    if (!is_known) batch.model->waiting.push_back(&batch);
    if (!is_known || system_clock().now() - batch.model->learned_at >= kMetadataAgeMax) {
        learn(*batch.model);
    }
    if (is_known) plan(batch);
}

// --- Metadata -----------------------------------------------------------------------------------

void InferLoop::learn(Model& model) {
    if (model.fetch) return;
    if (const auto at = model.servers.begin(1, model.silent, system_clock().now())) {
        model.fetch = std::make_unique<MetadataFetch>(
            multi_, options_, model.servers.base_url(*at), model.path,
            [this, &model, at = *at](MetadataFetch::Result result) {
                learned(model, at, std::move(result));
            });
        return;
    }
    model.silent.clear();
    const auto refusal = std::exchange(model.refusal, std::nullopt);
    if (model.metadata) return;
    const auto outcome = refusal.value_or(model.servers.unavailable(system_clock().now()));
    for (auto* batch : std::exchange(model.waiting, {})) {
        finish_all(*batch, all_of(*batch), outcome);
        advance(*batch);
    }
}

void InferLoop::learned(Model& model, const ModelServers::Call& at, MetadataFetch::Result result) {
    const auto fetch = std::move(model.fetch);
    model.learned_at = system_clock().now();
    if (auto* error = std::get_if<ServerError>(&result)) {
        blame(model, at, *error);
        if (model.metadata) return resume(model);
        // No job is to blame for the answer, and another server may know the model.
        model.silent.push_back(at.server);
        if (error->fault != Fault::kServer) model.refusal = error->outcome;
        return learn(model);
    }
    model.silent.clear();
    model.refusal.reset();
    // An answer about metadata does not mean that the model computes.
    model.servers.end(at, CallResult::kAborted, system_clock().now());
    model.metadata = std::get<ModelMetadata>(std::move(result));
    {
        const MutexLock lock(mutex_);
        if (model.metadata->batches()) {
            alone_.erase(model.name);
        } else {
            alone_.insert(model.name);
        }
    }
    for (auto* batch : std::exchange(model.waiting, {})) plan(*batch);
    resume(model);
}

void InferLoop::plan(Batch& batch) {
    for (const auto index : all_of(batch)) {
        const auto fits = check_job(*batch.model->metadata, batch.items[index].job);
        if (!fits.has_value()) finish(batch, index, invalid_input(fits.error().message));
    }
    std::vector<const InferJob*> jobs;
    for (const auto& item : batch.items) jobs.push_back(&item.job);
    Part together;
    Part alone;
    for (const auto index : all_of(batch)) {
        (outages_.saw(batch.items[index].key.job) ? alone : together).push_back(index);
    }
    batch.parts = make_parts(jobs, together, *batch.model->metadata, options_.batch_max);
    for (const auto index : alone) batch.parts.push_back({index});
    advance(batch);
}

// --- Requests -----------------------------------------------------------------------------------

void InferLoop::advance(Batch& batch) {
    auto& model = *batch.model;
    while (!batch.parts.empty()) {
        auto part = living(batch, batch.parts.front());
        batch.parts.pop_front();
        if (part.empty()) continue;
        const auto now = system_clock().now();
        const auto at = model.servers.begin(part.size(), batch.refused_by, now);
        if (!at && model.servers.are_full(batch.refused_by, now)) {
            batch.parts.push_front(std::move(part));
            if (batch.parked_at == MonoTime{}) batch.parked_at = now;
            model.parked.push_back(&batch);
            return;
        }
        if (!at) {
            finish_all(batch, part, batch.refusal.value_or(model.servers.unavailable(now)));
            continue;
        }
        batch.parked_at = {};
        if (at->is_probe && part.size() > 1) {
            batch.parts.emplace_front(part.begin() + 1, part.end());
            part.resize(1);
        }
        return send(batch, std::move(part), *at);
    }
    batches_.erase(batch.self);
}

void InferLoop::resume(Model& model) {
    for (auto* batch : std::exchange(model.parked, {})) advance(*batch);
}

void InferLoop::send(Batch& batch, Part part, const ModelServers::Call& at) {
    const auto jobs = jobs_of(batch, part);
    auto body = make_infer_body(jobs, batch.model->metadata->binary,
                                batch.items[part.front()].key.job.str());
    auto request =
        make_request(options_, batch.model->servers.base_url(at) + batch.model->path + "/infer",
                     body.json_bytes ? "application/octet-stream" : "application/json");
    if (body.json_bytes) {
        serving::add_header(request.headers,
                            fmt::format("{}: {}", kLengthHeader, *body.json_bytes));
    }
    request.body = std::move(body.bytes);
    request.answer_bytes_max = part.size() * (options_.output_bytes_max + kAnswerOverheadBytes);
    auto call = std::make_unique<serving::HttpCall>(
        std::move(request), [this, &batch](serving::HttpEnd end) { receive(batch, end); });
    multi_.start(*call);
    batch.sent = Sent{std::move(part), at, std::move(call)};
}

void InferLoop::receive(Batch& batch, serving::HttpEnd end) {
    const auto sent = *std::exchange(batch.sent, std::nullopt);
    auto& model = *batch.model;
    if (const auto error = error_of(end, *sent.call, options_)) {
        fail(batch, sent, *error);
    } else if (end == serving::HttpEnd::kTooLarge) {
        model.servers.end(sent.at, CallResult::kAnswered, system_clock().now());
        if (sent.part.size() > 1) {
            push_halves(sent.part, batch.parts);
        } else {
            finish_all(batch, sent.part, output_too_large(options_.output_bytes_max));
        }
    } else {
        deliver(batch, sent);
    }
    advance(batch);
    resume(model);
}

void InferLoop::deliver(Batch& batch, const Sent& sent) {
    auto answer = parse_infer_answer(sent.call->body(), json_bytes_of(*sent.call));
    if (!answer.has_value()) {
        if (const auto page = page_instead(sent.call->body())) return fail(batch, sent, *page);
        const auto error = error_inside(sent.call->body());
        return fail(batch, sent, error ? *error : invalid_response(answer.error().message));
    }
    // All jobs of a request ask for the same outputs.
    const auto chosen = choose_outputs(batch.items[sent.part.front()].job, *answer);
    if (!chosen.has_value()) return fail(batch, sent, invalid_response(chosen.error().message));
    batch.model->served_at = system_clock().now();
    batch.model->servers.end(sent.at, CallResult::kServed, batch.model->served_at);
    auto outcomes = split_answer(*answer, jobs_of(batch, sent.part), options_.output_bytes_max);
    // The model's outputs do not follow its rows. Alone, each job gets its own outputs.
    if (!outcomes.has_value()) return push_halves(sent.part, batch.parts);
    for (std::size_t i = 0; i < sent.part.size(); ++i) {
        outages_.forget(batch.items[sent.part[i]].key.job);
        finish(batch, sent.part[i], std::move((*outcomes)[i]));
    }
}

void InferLoop::fail(Batch& batch, const Sent& sent, const ServerError& error) {
    blame(*batch.model, sent.at, error);
    if (error.fault == Fault::kCapacity) {
        batch.refused_by.push_back(sent.at.server);
        batch.refusal = error.outcome;
    }
    if (!error.was_run || error.fault == Fault::kCapacity) {
        // Tries the next server, if there is one. This ends, because each server that refuses is
        // not asked again, and each that fails is left alone.
        batch.parts.push_front(sent.part);
        return;
    }
    const bool is_of_a_job = error.fault == Fault::kRequest || error.fault == Fault::kModel;
    if (is_of_a_job && sent.part.size() > 1) return push_halves(sent.part, batch.parts);
    if (const auto failure = failure_of(error, sent.part.size())) {
        return finish_all(batch, sent.part, *failure);
    }
    const auto now = system_clock().now();
    for (const auto index : living(batch, sent.part)) {
        const auto& key = batch.items[index].key;
        finish(batch, index,
               error.is_unanswered
                   ? outages_.weigh_unanswered(error.outcome, key, batch.model->served_at, now)
                   : outages_.waited_out(error.outcome, key, now));
    }
}

void InferLoop::blame(Model& model, const ModelServers::Call& at, const ServerError& error) {
    const auto now = system_clock().now();
    // A refusal of a request that fits the metadata shows that the metadata are outdated.
    if (error.fault == Fault::kRequest) model.learned_at = now - kMetadataAgeMax;
    model.servers.end(at, error, now);
}

// --- Jobs ---------------------------------------------------------------------------------------

Part InferLoop::living(const Batch& batch, const Part& part) {
    Part living;
    for (const auto index : part) {
        if (!batch.items[index].ended) living.push_back(index);
    }
    return living;
}

Part InferLoop::all_of(const Batch& batch) {
    Part all(batch.items.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return living(batch, all);
}

std::vector<const InferJob*> InferLoop::jobs_of(const Batch& batch, const Part& part) {
    std::vector<const InferJob*> jobs;
    for (const auto index : part) jobs.push_back(&batch.items[index].job);
    return jobs;
}

void InferLoop::finish(Batch& batch, std::size_t index, Outcome outcome) {
    auto& item = batch.items[index];
    if (std::exchange(item.ended, true)) return;
    running_.erase(item.key);
    sink_.finished(item.key, std::move(outcome));
}

void InferLoop::finish_all(Batch& batch, const Part& part, const Outcome& outcome) {
    for (const auto index : part) finish(batch, index, outcome);
}

void InferLoop::abort(const AttemptKey& key, AbortReason reason) {
    const auto found = running_.find(key);
    if (found == running_.end()) return;
    auto& batch = *found->second.batch;
    finish(batch, found->second.index, aborted_outcome(reason));
    const bool is_parked = std::ranges::count(batch.model->parked, &batch) > 0;
    if (is_parked && all_of(batch).empty()) {
        std::erase(batch.model->parked, &batch);
        return advance(batch);
    }
    if (!batch.sent || !living(batch, batch.sent->part).empty()) return;
    const auto sent = *std::exchange(batch.sent, std::nullopt);
    auto& model = *batch.model;
    multi_.stop(*sent.call);
    model.servers.end(sent.at, CallResult::kAborted, system_clock().now());
    advance(batch);
    resume(model);
}

void InferLoop::end_late_ones() {
    const auto now = system_clock().now();
    std::vector<AttemptKey> late;
    for (const auto& [key, place] : running_) {
        if (place.batch->items[place.index].deadline <= now) late.push_back(key);
    }
    for (const auto& key : late) abort(key, AbortReason::kDeadline);
    for (auto& [_, model] : models_) {
        for (auto* batch : std::vector(model.parked)) {
            if (batch->parked_at + options_.room_patience > now) continue;
            std::erase(model.parked, batch);
            finish_all(*batch, all_of(*batch), batch->refusal.value_or(model.servers.busy()));
            advance(*batch);
        }
    }
}

void InferLoop::step() {
    multi_.step();
    end_late_ones();
}

void InferLoop::wait() {
    const auto now = system_clock().now();
    auto until = now + kIdle;
    for (const auto& [_, place] : running_) {
        const auto& batch = *place.batch;
        until = std::min(until, batch.items[place.index].deadline);
        if (batch.parked_at == MonoTime{}) continue;
        until = std::min(until, batch.parked_at + options_.room_patience);
    }
    multi_.wait(std::chrono::ceil<milliseconds>(std::max(until, now) - now));
}

}  // namespace millrace::backends::oip
