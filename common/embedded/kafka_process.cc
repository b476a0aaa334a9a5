#include "common/embedded/kafka_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "common/embedded/kafka_probe.h"
#include "common/embedded/log_tail.h"

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;
using process::ChildProcess;
using std::chrono::milliseconds;

constexpr std::string_view kClusterId = "bWlsbHJhY2UtbWlsbHJhYw";
constexpr milliseconds kKafkaPollInterval{20};

// Small and quick to start. The default cleaner buffer (128 MiB) is the first thing that does not
// fit into a small heap. Without controlled shutdown and the short broker session, a restart would
// be refused as a duplicate registration for 14 s.
constexpr std::string_view kProperties = R"(process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
num.network.threads=1
num.io.threads=2
num.replica.fetchers=1
background.threads=2
num.recovery.threads.per.data.dir=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.segment.bytes=16777216
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=2097152
controlled.shutdown.enable=true
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
)";

constexpr std::string_view kLogging = R"(log4j.rootLogger=WARN, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d %p %m (%c)%n
)";

Status write_file(const fs::path& path, std::string_view text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (file) return ok();
    return Error{ErrorCode::kUnavailable, "cannot write " + path.string()};
}

Status write_configuration(const KafkaLaunch& launch) {
    std::string listeners;
    std::string advertised;
    std::string protocols;
    for (std::size_t i = 0; i < launch.relays.size(); ++i) {
        const auto [port, target] = launch.relays[i];
        listeners += fmt::format(",RELAY{}://127.0.0.1:{}", i, target);
        advertised += fmt::format(",RELAY{}://127.0.0.1:{}", i, port);
        protocols += fmt::format(",RELAY{}:PLAINTEXT", i);
    }
    // If two lines have the same name, the later one counts.
    const std::string places = fmt::format(
        "listeners=PLAINTEXT://127.0.0.1:{0},CONTROLLER://127.0.0.1:{1}{3}\n"
        "advertised.listeners=PLAINTEXT://127.0.0.1:{0}{4}\n"
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{5}\n"
        "controller.quorum.voters=1@127.0.0.1:{1}\n"
        "log.dirs={2}\n",
        launch.port, launch.controller_port, kafka_data_dir(launch.directory).string(), listeners,
        advertised, protocols);
    TRY_STATUS(
        write_file(launch.directory / "server.properties", std::string(kProperties) + places));
    return write_file(launch.directory / "log4j.properties", kLogging);
}

std::vector<std::string> java_command(const KafkaPrograms& programs, const KafkaLaunch& launch) {
    std::vector<std::string> argv{programs.java.string(), "-XX:-UsePerfData"};
    argv.insert(argv.end(), launch.jvm_flags.begin(), launch.jvm_flags.end());
    argv.push_back("-Dlog4j.configuration=file:" +
                   (launch.directory / "log4j.properties").string());
    argv.emplace_back("-cp");
    argv.push_back(programs.class_path);
    return argv;
}

}  // namespace

Result<KafkaPrograms> find_kafka_programs() {
    std::vector<fs::path> folders;
    if (const char* home = std::getenv("JAVA_HOME")) folders.push_back(fs::path(home) / "bin");
    const auto java = process::find_program("java", folders);
    if (!java) {
        return Error{ErrorCode::kNotFound,
                     "Apache Kafka needs Java 17, and there is no java in JAVA_HOME or on PATH; "
                     "apt-get install openjdk-17-jre-headless"};
    }
    const fs::path lib = process::cache_directory() / "kafka" / "lib";
    std::vector<std::string> jars;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(lib, error)) {
        if (entry.path().extension() == ".jar") jars.push_back(entry.path().string());
    }
    if (jars.empty()) {
        return Error{ErrorCode::kNotFound,
                     fmt::format("there are no Apache Kafka jars in {}; run deploy/fetch-kafka.sh "
                                 "(MILLRACE_CACHE names another cache)",
                                 lib.string())};
    }
    // Sorted, because the class-data archive is valid only for exactly this class path.
    std::sort(jars.begin(), jars.end());
    return KafkaPrograms{fs::canonical(*java), lib, fmt::format("{}", fmt::join(jars, ":"))};
}

std::string kafka_format_key() {
    return fmt::format("{}\n{}", kClusterId, kProperties);
}

Status format_kafka(const KafkaPrograms& programs, const KafkaLaunch& launch) {
    TRY_STATUS(write_configuration(launch));
    auto argv = java_command(programs, launch);
    for (const std::string_view word : {"kafka.tools.StorageTool", "format", "-t"}) {
        argv.emplace_back(word);
    }
    argv.emplace_back(kClusterId);
    argv.emplace_back("-c");
    argv.push_back((launch.directory / "server.properties").string());
    TRY_STATUS(
        process::run_to_end({.argv = std::move(argv)}, milliseconds(60'000), launch.give_up));
    return ok();
}

Result<ChildProcess> start_kafka(const KafkaPrograms& programs, const KafkaLaunch& launch,
                                 milliseconds timeout) {
    TRY_STATUS(write_configuration(launch));
    const fs::path log = launch.directory / "kafka.log";
    auto argv = java_command(programs, launch);
    argv.emplace_back("kafka.Kafka");
    argv.push_back((launch.directory / "server.properties").string());
    TRY(auto server, ChildProcess::start({.argv = std::move(argv),
                                          .directory = launch.directory,
                                          .output_file = log,
                                          .death_signal = SIGKILL}));

    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (!kafka_coordinator_ready(launch.port)) {
        if (const auto status = server.wait(kKafkaPollInterval)) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("Apache Kafka ended with {} while starting; {}", status->str(),
                                     describe_log(log))};
        }
        if (launch.give_up.stop_requested()) {
            return Error{ErrorCode::kCancelled, "stopped while Apache Kafka was starting"};
        }
        if (std::chrono::steady_clock::now() > deadline) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("Apache Kafka was not ready after {} ms; {}", timeout.count(),
                                     describe_log(log))};
        }
    }
    return server;
}

}  // namespace millrace::embedded
