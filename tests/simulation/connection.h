// A process's connection to the database, with all that can happen to a call on its way: it takes
// time, it is refused, its answer is lost, or it is carried out after the caller has given up.
#pragma once

#include <string_view>

#include "tests/simulation/database.h"
#include "tests/simulation/process.h"
#include "tests/simulation/weather.h"
#include "tests/support/intercepted_job_store.h"

namespace millrace::simulation {

class Connection : public test::InterceptedJobStore<Connection> {
 public:
    // Borrows everything but the process, which owns it. `on_fault` is called when a call fails,
    // and when a slow one begins and ends.
    Connection(Database& database, Process& process, const Weather::Store& weather,
               std::function<void()> on_fault);

    // Returns the time of the last answer.
    milliseconds database_time() const override;

 private:
    friend InterceptedJobStore<Connection>;

    template <class T, class Call, class Copy>
    T intercept(std::string_view name, const Call& call, const Copy& copy) {
        travel();
        if (!arrives(name)) return Error{ErrorCode::kUnavailable, "The store is away."};
        if (is_write(name) && world_.chance(weather_.in_doubt)) {
            return lose_answer(name, call, copy);
        }
        auto answer = call();
        travel();
        if (!process_.is_alive()) return Error{ErrorCode::kUnavailable, "This process is dead."};
        remember_time();
        return answer;
    }

    template <class Call, class Copy>
    Error lose_answer(std::string_view name, const Call& call, const Copy& copy) {
        switch (world_.random().below(3)) {
            case 0:
                world_.say(process_.name(), "{}: lost", name);
                break;
            case 1:
                world_.say(process_.name(), "{}: done, the answer is lost", name);
                (void)call();
                break;
            default:
                world_.say(process_.name(), "{}: gives up, it is still on its way", name);
                carry_out_later(name, copy());
        }
        travel();
        on_fault_();
        return {ErrorCode::kOutcomeUnknown, "The answer was lost."};
    }

    static bool is_write(std::string_view name);
    void travel();
    bool arrives(std::string_view name);
    void carry_out_later(std::string_view name, std::function<void()> call);
    void remember_time();

    Database& database_;
    World& world_;
    Process& process_;
    const Weather::Store& weather_;
    const std::function<void()> on_fault_;
    milliseconds database_time_{0};
    MonoTime read_at_;
};

}  // namespace millrace::simulation
