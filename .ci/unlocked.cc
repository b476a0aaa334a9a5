// Three ways to use what a mutex guards without the mutex. check_tidy.py demands that clang-tidy
// refuses each of them; nothing compiles this file.
#include "common/base/mutex.h"

namespace millrace {

class Unlocked {
 public:
    int reads() const { return count_; }
    void calls() { add(1); }
    void waits() {
        MutexLock lock(mutex_);
        changed_.wait(lock, [this] { return count_ > 0; });
    }

 private:
    void add(int n) REQUIRES(mutex_) { count_ += n; }

    Mutex mutex_;
    Condition changed_;
    int count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace
