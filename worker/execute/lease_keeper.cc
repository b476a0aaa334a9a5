#include "worker/execute/lease_keeper.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/telemetry/telemetry.h"

namespace millrace::execute {

using telemetry::Metric;

namespace {

// Makes storable what is announced; otherwise no lease would ever begin.
storage::WorkerInfo storable_info(storage::WorkerInfo info) {
    info.name = storable(std::move(info.name));
    info.host = storable(std::move(info.host));
    for (auto& device : info.devices) device = storable(std::move(device));
    return info;
}

std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const auto& name : names) all += (all.empty() ? "" : ",") + name;
    return all;
}

}  // namespace

LeaseKeeper::LeaseKeeper(storage::JobStore& store, Lease& lease, Executor& executor,
                         const Clock& clock, Random& random, LeaseKeeperOptions options,
                         LeaseOrders orders)
    : store_(store),
      lease_(lease),
      executor_(executor),
      clock_(clock),
      options_(std::move(options)),
      orders_(std::move(orders)),
      ids_(random),
      next_(clock.now()) {
    options_.info = storable_info(std::move(options_.info));
}

void LeaseKeeper::step() {
    if (clock_.now() >= next_) {
        if (registered_) {
            heartbeat();
        } else {
            start_incarnation();
        }
    }
    if (!registered_) return;
    if (has_news_) announce();
    if (drain_wanted_ && !drain_told_) tell_draining();
}

void LeaseKeeper::serve(std::vector<std::string> models) {
    options_.info.models = std::move(models);
    has_news_ = true;
}

// Every step tries again, because an unannounced model gets no jobs.
void LeaseKeeper::announce() {
    const auto& models = options_.info.models;
    const auto told = store_.worker_announce(lease_.worker(), models);
    if (!told.has_value()) {
        if (!std::exchange(failing_, true)) {
            log_warning("cannot announce the models; gateways still know the earlier ones",
                        {{"error", to_string(told.error())}});
        }
        return;
    }
    has_news_ = false;
    log_info("serves other models now", {{"models", joined(models)}});
}

void LeaseKeeper::say_goodbye() {
    if (!registered_) return;
    const auto stopped = store_.worker_stop(lease_.worker());
    if (!stopped.has_value()) {
        log_warning("could not sign off; the lease will lapse",
                    {{"error", to_string(stopped.error())}});
    }
    lease_.revoke();
}

bool LeaseKeeper::start_incarnation() {
    const auto known = store_.queue_register(options_.info.queues);
    if (!known.has_value()) {
        retry_later("cannot register the queues; the worker takes no jobs yet", known.error());
        return false;
    }
    auto info = options_.info;
    const auto database_time = store_.database_time();
    info.id =
        WorkerId(ids_.next(database_time.count() > 0 ? database_time
                                                     : std::chrono::duration_cast<milliseconds>(
                                                           clock_.wall().time_since_epoch())));
    const auto sent = clock_.now();
    const auto registered = store_.worker_register(info);
    if (!registered.has_value()) {
        retry_later("cannot register the worker; it takes no jobs yet", registered.error());
        return false;
    }
    failing_ = false;
    registered_ = true;
    has_news_ = false;
    drain_told_ = false;
    mismatches_ = 0;
    next_ = sent + options_.heartbeat_interval;
    lease_.renew(info.id, sent);
    log_info("ready", {{"worker", info.id.str()},
                       {"name", info.name},
                       {"slots", info.slots},
                       {"models", joined(info.models)}});
    return true;
}

void LeaseKeeper::heartbeat() {
    const auto worker = lease_.worker();
    const auto held_before = executor_.held();
    const auto sent = clock_.now();
    const auto reply = store_.worker_heartbeat(worker);
    telemetry::observe<Metric::kHeartbeatSeconds>(clock_.now() - sent);
    if (!reply.has_value()) {
        telemetry::count<Metric::kHeartbeatFailures>();
        retry_later("cannot renew the lease; when it lapses, no job starts", reply.error());
        return;
    }
    if (std::exchange(failing_, false)) log_info("the lease is renewed again");
    next_ = sent + options_.heartbeat_interval;
    if (!reply->alive) {
        end_incarnation();
        return;
    }
    if (!lease_.live(clock_.now())) telemetry::count<Metric::kLeaseLapses>();
    lease_.renew(worker, sent);
    obey(*reply, held_before);
}

void LeaseKeeper::obey(const storage::HeartbeatReply& reply, std::size_t held_before) {
    orders_.make_way(reply.confined_waits);
    executor_.forget_cancels();
    for (const auto& key : reply.cancelling) {
        if (executor_.cancel(key)) telemetry::count<Metric::kCancels>(1, "heartbeat");
    }

    // Claims and settlements go on meanwhile, so any count between the two is right.
    const auto held_after = executor_.held();
    const auto active = static_cast<std::size_t>(std::max(reply.active, 0));
    const bool matches =
        active >= std::min(held_before, held_after) && active <= std::max(held_before, held_after);
    mismatches_ = matches ? 0 : mismatches_ + 1;
    if (mismatches_ < 2) return;
    mismatches_ = 0;
    orders_.reconcile();
}

void LeaseKeeper::end_incarnation() {
    log_warning("this worker was declared lost; continuing under a new id",
                {{"worker", lease_.worker().str()}, {"held", executor_.held()}});
    telemetry::count<Metric::kLeaseLapses>();
    lease_.revoke();
    executor_.interrupt_all();
    registered_ = false;
    if (!drain_wanted_) start_incarnation();
}

void LeaseKeeper::tell_draining() {
    const auto told = store_.worker_drain(lease_.worker());
    if (told.has_value()) {
        drain_told_ = true;
    } else {
        retry_later("cannot announce the drain; gateways still show the worker as alive",
                    told.error());
    }
}

void LeaseKeeper::retry_later(const char* what, const Error& error) {
    if (!std::exchange(failing_, true)) log_warning(what, {{"error", to_string(error)}});
    next_ = clock_.now() + options_.retry_interval;
}

}  // namespace millrace::execute
