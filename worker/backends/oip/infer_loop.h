// All activity of the oip backend: takes batches, sends requests, reports outcomes. Only the
// backend's thread uses it, except where a function allows any thread.
//
// A batch is split into parts, which are sent one after another, so that each slot of the backend
// has one request at a time. A part that fails by the fault of some job is split in halves, and so
// on: at most 2n - 1 requests for n jobs. A part that a server refuses goes to the next one. If the
// servers only lack room, it waits here until another request of its model ends. Jobs that no
// server can take now are handed back, which does not count as a failure. Jobs that were hit by an
// outage run alone the next time, because one of them may have caused it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/random.h"
#include "worker/backends/inbox.h"
#include "worker/backends/oip/metadata_fetch.h"
#include "worker/backends/oip/model_servers.h"
#include "worker/backends/oip/oip_backend.h"
#include "worker/backends/oip/part.h"
#include "worker/backends/serving/http_multi.h"
#include "worker/backends/serving/outage.h"

namespace millrace::backends::oip {

class InferLoop {
 public:
    // `models` maps names that jobs use to names on the servers. Borrows the options and the sink.
    InferLoop(const OipOptions& options, const std::map<std::string, std::string>& models,
              const std::vector<std::string>& base_urls, ExecutionSink& sink);
    ~InferLoop();

    void begin(std::vector<Execution> batch);
    void abort(const AttemptKey& key, AbortReason reason);
    // Advances everything as far as possible without waiting.
    void step();
    // Waits until there is something to do, at the latest until the next deadline.
    void wait();
    // Ends everything as interrupted, for good: call nothing afterwards.
    void end_all();
    // May be called from any thread: ends wait().
    void wakeup() { multi_.wakeup(); }
    // May be called from any thread: whether each job of the model needs a request of its own, as
    // far as is known.
    bool runs_alone(const std::string& model) const;
    // The models that jobs may ask for from now on. Does not affect what runs.
    void serve(const std::map<std::string, std::string>& models);

 private:
    struct Model;
    struct Item {
        AttemptKey key;
        MonoTime deadline;
        InferJob job;
        bool ended = false;
    };
    struct Sent {
        Part part;
        ModelServers::Call at;
        std::unique_ptr<serving::HttpCall> call;
    };
    struct Batch {
        Model* model = nullptr;
        std::vector<Item> items;
        std::deque<Part> parts;    // Parts to be sent.
        std::optional<Sent> sent;  // The request under way.
        // The servers that had no room for it, and the last one's answer.
        ModelServers::Servers refused_by;
        std::optional<Outcome> refusal;
        MonoTime parked_at;  // While it is in Model::parked.
        std::list<Batch>::iterator self;
    };
    struct Model {
        Model(std::string given, const std::vector<std::string>& base_urls, std::size_t slots)
            : name(std::move(given)), servers(name, base_urls, slots, system_random()) {}

        const std::string name;  // The name that jobs use.
        std::string path;        // "/v2/models/NAME"
        ModelServers servers;
        std::optional<ModelMetadata> metadata;
        MonoTime learned_at;
        std::unique_ptr<MetadataFetch> fetch;  // The fetch under way, or null.
        // The servers that did not tell the metadata that are asked for, and what the last of them
        // that works said instead.
        ModelServers::Servers silent;
        std::optional<Outcome> refusal;
        std::vector<Batch*> waiting;           // Batches waiting for the first metadata.
        std::vector<Batch*> parked;            // Batches waiting for room on a server.
        MonoTime served_at = MonoTime::min();  // A server's last right answer.
        // If false, its jobs are handed back. A Model is never erased, because batches use it.
        bool is_served = false;
    };
    struct Place {
        Batch* batch = nullptr;
        std::size_t index = 0;
    };

    void learn(Model& model);
    void learned(Model& model, const ModelServers::Call& at, MetadataFetch::Result result);
    void plan(Batch& batch);

    void advance(Batch& batch);
    // A request of the model has ended: there may be room.
    void resume(Model& model);
    void send(Batch& batch, Part part, const ModelServers::Call& at);
    void receive(Batch& batch, serving::HttpEnd end);
    void deliver(Batch& batch, const Sent& sent);
    void fail(Batch& batch, const Sent& sent, const ServerError& error);
    // Ends the call, and learns from the error.
    void blame(Model& model, const ModelServers::Call& at, const ServerError& error);

    // Without jobs that have ended.
    static Part living(const Batch& batch, const Part& part);
    static Part all_of(const Batch& batch);
    static std::vector<const InferJob*> jobs_of(const Batch& batch, const Part& part);
    void finish(Batch& batch, std::size_t index, Outcome outcome);
    void finish_all(Batch& batch, const Part& part, const Outcome& outcome);
    // Ends what is past its deadline, and hands back what has waited for room for too long.
    void end_late_ones();

    const OipOptions& options_;
    const std::vector<std::string> base_urls_;
    ExecutionSink& sink_;
    serving::HttpMulti multi_;
    serving::Outages outages_;
    std::map<std::string, Model> models_;
    std::list<Batch> batches_;
    std::unordered_map<AttemptKey, Place, AttemptKeyHash> running_;

    mutable Mutex mutex_;
    // The names of the models whose jobs need a request of their own each.
    std::set<std::string> alone_ GUARDED_BY(mutex_);
};

}  // namespace millrace::backends::oip
