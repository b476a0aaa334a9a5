#include "worker/backends/llama/library.h"

#include <llama.h>

#include <mutex>

#include "common/base/log.h"
#include "common/base/mutex.h"

namespace millrace::backends::llama {
namespace {

// The library logs through one global function, in pieces of lines.
class LibraryLog {
 public:
    static LibraryLog& instance() {
        static LibraryLog log;
        return log;
    }
    static void write(ggml_log_level level, const char* text, void*) {
        instance().append(level, text);
    }
    std::string last_error() {
        const MutexLock lock(mutex_);
        return last_error_;
    }

 private:
    void append(ggml_log_level level, const char* text) {
        const MutexLock lock(mutex_);
        if (level != GGML_LOG_LEVEL_CONT) level_ = level;
        line_ += text;
        for (auto end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
            const auto line = line_.substr(0, end);
            line_.erase(0, end + 1);
            if (line.empty()) continue;
            if (level_ == GGML_LOG_LEVEL_ERROR) last_error_ = line;
            log_debug("llama.cpp", {{"text", line}});
        }
    }

    Mutex mutex_;
    std::string line_ GUARDED_BY(mutex_);
    std::string last_error_ GUARDED_BY(mutex_);
    ggml_log_level level_ GUARDED_BY(mutex_) = GGML_LOG_LEVEL_NONE;
};

}  // namespace

void init_llama_library() {
    static std::once_flag once;
    std::call_once(once, [] {
        llama_log_set(&LibraryLog::write, nullptr);
        llama_backend_init();
    });
}

std::string llama_last_error() {
    return LibraryLog::instance().last_error();
}

}  // namespace millrace::backends::llama
