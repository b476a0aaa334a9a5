#include "common/runtime/thread.h"

#include <pthread.h>

#include <cstdlib>
#include <exception>
#include <system_error>

#include "common/base/log.h"

namespace millrace::runtime {
namespace {

constexpr std::size_t kNameMax = 15;

[[noreturn]] void die(const std::string& name, const char* what) {
    log_error("a thread ended with an exception", {{"thread", name}, {"error", what}});
    std::abort();
}

void run(const std::string& name, const Thread::Body& body, std::stop_token stop) {
    pthread_setname_np(pthread_self(), name.substr(0, kNameMax).c_str());
    try {
        body(std::move(stop));
    } catch (const std::exception& exception) {
        die(name, exception.what());
    } catch (...) {
        die(name, "not a std::exception");
    }
}

}  // namespace

Thread::Thread(std::string name, Body body) {
    const auto named = name;
    try {
        thread_ =
            decltype(thread_)([name = std::move(name), body = std::move(body)](
                                  std::stop_token stop) { run(name, body, std::move(stop)); });
    } catch (const std::system_error& error) {
        // Nothing works without its threads, and a core dump would add no information.
        log_error("cannot start a thread: raise the limits of processes and memory (ulimit -u, -v)",
                  {{"thread", named}, {"reason", error.what()}});
        std::_Exit(EXIT_FAILURE);
    }
}

}  // namespace millrace::runtime
