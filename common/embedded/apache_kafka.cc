#include "common/embedded/apache_kafka.h"

#include <fmt/format.h>

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;
using process::PortReservation;

std::vector<std::string> jvm_flags(JvmTuning tuning, const fs::path& archive) {
    std::vector<std::string> flags{"-XX:SharedArchiveFile=" + archive.string(), "-Xlog:cds=off",
                                   "-Xlog:cds+dynamic=off"};
    const auto add = [&](std::initializer_list<const char*> more) {
        flags.insert(flags.end(), more.begin(), more.end());
    };
    switch (tuning) {
        case JvmTuning::kFastStart:
            add({"-Xms128m", "-Xmx320m", "-Xss512k", "-XX:+UseSerialGC",
                 "-XX:TieredStopAtLevel=1"});
            break;
        case JvmTuning::kThroughput:
            add({"-Xms512m", "-Xmx1g", "-XX:+UseSerialGC"});
            break;
    }
    return flags;
}

}  // namespace

ApacheKafka::ApacheKafka(ApacheKafkaOptions options, KafkaPrograms programs, KafkaStartKit kit,
                         std::optional<PortReservation> port, PortReservation controller_port)
    : options_(std::move(options)),
      programs_(std::move(programs)),
      kit_(std::move(kit)),
      port_(std::move(port)),
      controller_port_(std::move(controller_port)) {}

ApacheKafka::~ApacheKafka() {
    kill();
}

Result<std::unique_ptr<ApacheKafka>> ApacheKafka::start(ApacheKafkaOptions options) {
    options.directory = fs::absolute(options.directory).lexically_normal();
    std::error_code error;
    fs::create_directories(options.directory, error);
    if (error) {
        return Error{
            ErrorCode::kInvalidArgument,
            fmt::format("cannot make {}: {}", options.directory.string(), error.message())};
    }
    TRY(auto programs, find_kafka_programs());
    TRY(auto kit, kafka_start_kit(programs, options.give_up));
    std::optional<PortReservation> port;
    if (options.port == 0) {
        TRY(port, PortReservation::any());
        options.port = port->port();
    }
    TRY(auto controller_port, PortReservation::any());

    std::unique_ptr<ApacheKafka> kafka(new ApacheKafka(std::move(options), std::move(programs),
                                                       std::move(kit), std::move(port),
                                                       std::move(controller_port)));
    for (std::size_t i = 0; i < kafka->options_.relays.size(); ++i) {
        TRY(auto target, PortReservation::any());
        kafka->relay_targets_.push_back(std::move(target));
    }
    TRY_STATUS(kafka->restart());
    return kafka;
}

// Copies the prepared data unless there is data already. An interrupted copy is never used.
Status ApacheKafka::provide_data() const {
    const fs::path data = kafka_data_dir(options_.directory);
    const fs::path unfinished = options_.directory / "data.unfinished";
    std::error_code error;
    if (fs::exists(data, error)) return ok();
    fs::remove_all(unfinished, error);
    fs::copy(kit_.data, unfinished, fs::copy_options::recursive, error);
    if (!error) fs::rename(unfinished, data, error);
    if (!error) return ok();
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("cannot copy {} to {}: {}", kit_.data.string(), data.string(),
                             error.message())};
}

std::vector<KafkaRelay> ApacheKafka::relays() const {
    std::vector<KafkaRelay> relays;
    for (std::size_t i = 0; i < relay_targets_.size(); ++i) {
        relays.push_back({.port = options_.relays.at(i), .target = relay_targets_[i].port()});
    }
    return relays;
}

Status ApacheKafka::restart() {
    stop();
    TRY_STATUS(provide_data());
    TRY(auto server, start_kafka(programs_,
                                 {.directory = options_.directory,
                                  .port = options_.port,
                                  .controller_port = controller_port_.port(),
                                  .relays = relays(),
                                  .jvm_flags = jvm_flags(options_.tuning, kit_.archive),
                                  .give_up = options_.give_up},
                                 options_.start_timeout));
    server_ = std::make_unique<process::ChildProcess>(std::move(server));
    return ok();
}

Status ApacheKafka::wipe_and_restart() {
    kill();
    std::error_code error;
    fs::remove_all(kafka_data_dir(options_.directory), error);
    return restart();
}

std::string ApacheKafka::bootstrap() const {
    return fmt::format("127.0.0.1:{}", options_.port);
}

bool ApacheKafka::running() {
    return server_ && server_->running();
}

void ApacheKafka::ask_to_stop() {
    if (server_) server_->send(SIGTERM);
}

void ApacheKafka::stop() {
    if (server_) server_->terminate(options_.stop_timeout);
    server_.reset();
}

void ApacheKafka::kill() {
    server_.reset();
}

}  // namespace millrace::embedded
