#include "common/embedded/kafka_start_kit.h"

#include <fmt/format.h>
#include <sys/file.h>

#include <functional>

#include "common/process/fd.h"
#include "common/process/port_reservation.h"

namespace millrace::embedded {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr milliseconds kStartTimeout{120'000};

// A kit belongs to one configuration, one set of jars and one virtual machine.
std::string kit_name(const KafkaPrograms& programs) {
    std::error_code error;
    const auto changed = [&](const fs::path& path) {
        return fs::last_write_time(path, error).time_since_epoch().count();
    };
    const std::string key =
        fmt::format("{}\n{}\n{}\n{}\n{}", kafka_format_key(), programs.class_path,
                    changed(programs.lib), programs.java.string(), changed(programs.java));
    return fmt::format("{:016x}", std::hash<std::string>{}(key));
}

// Starts a broker once in `directory`, which leaves formatted data and an archive there.
Status make_kit(const KafkaPrograms& programs, const fs::path& directory,
                const std::stop_token& give_up) {
    TRY(const auto port, process::PortReservation::any());
    TRY(const auto controller_port, process::PortReservation::any());
    KafkaLaunch launch{.directory = directory,
                       .port = port.port(),
                       .controller_port = controller_port.port(),
                       .jvm_flags = {},
                       .give_up = give_up};
    TRY_STATUS(format_kafka(programs, launch));
    launch.jvm_flags = {"-XX:+UseSerialGC",
                        "-XX:ArchiveClassesAtExit=" + (directory / "kafka.jsa").string(),
                        "-Xlog:cds=off", "-Xlog:cds+dynamic=off"};
    TRY(auto server, start_kafka(programs, launch, kStartTimeout));
    server.terminate(kStartTimeout);
    return ok();
}

}  // namespace

Result<KafkaStartKit> kafka_start_kit(const KafkaPrograms& programs,
                                      const std::stop_token& give_up) {
    const fs::path kits = programs.lib.parent_path() / "start";
    const fs::path kit = kits / kit_name(programs);
    const KafkaStartKit result{.data = kafka_data_dir(kit), .archive = kit / "kafka.jsa"};
    std::error_code error;
    fs::create_directories(kits, error);

    const process::Fd lock(::open((kits / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!lock.valid() || ::flock(lock.get(), LOCK_EX) != 0) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("cannot write to {} ({}); set MILLRACE_CACHE to a folder of your "
                                 "own and run deploy/fetch-kafka.sh",
                                 kits.string(), std::strerror(errno))};
    }
    if (fs::exists(kit)) return result;

    // Everything else is outdated, or was left by a process that was killed.
    for (const auto& old : fs::directory_iterator(kits, error)) {
        if (old.is_directory()) fs::remove_all(old.path(), error);
    }
    const fs::path unfinished = kits / "unfinished";
    fs::create_directories(kafka_data_dir(unfinished), error);
    TRY_STATUS(make_kit(programs, unfinished, give_up));
    fs::rename(unfinished, kit, error);
    if (error) return Error{ErrorCode::kUnavailable, kit.string() + ": " + error.message()};
    return result;
}

}  // namespace millrace::embedded
