#include "producer/cli/interrupt.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace millrace::cli {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

// The only data that the signal handler may touch.
std::atomic<const char*> text{nullptr};
std::atomic<std::size_t> text_size{0};
std::atomic<bool> holds{false};
std::atomic<int> held{0};

void on_signal(int signal) {
    if (const char* note = text.load(); note != nullptr) {
        [[maybe_unused]] const auto written = write(STDERR_FILENO, note, text_size.load());
    }
    if (holds.exchange(false)) {
        held.store(signal);
        text.store(nullptr);
        return;
    }
    std::_Exit(128 + signal);
}

// A signal that the caller's shell ignores (nohup) stays ignored.
void install(const std::string& note, bool hold) {
    text_size.store(note.size());
    text.store(note.data());
    holds.store(hold);
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    for (const int signal : kSignals) {
        struct sigaction before {};
        sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
    }
}

void uninstall() {
    for (const int signal : kSignals) {
        struct sigaction now {};
        sigaction(signal, nullptr, &now);
        if (now.sa_handler == on_signal) std::signal(signal, SIG_DFL);
    }
    text.store(nullptr);
    holds.store(false);
}

}  // namespace

std::string interrupt_text(const std::string& id, std::size_t jobs) {
    if (jobs == 1) {
        return "the job continues; `millrace wait " + id +
               "` waits for it again, `millrace cancel " + id + "` stops it";
    }
    return "the jobs continue; `millrace wait ID` waits for one again, `millrace cancel ID` stops "
           "one";
}

InterruptNote::InterruptNote(std::string note) : note_("\nmillrace: " + std::move(note) + "\n") {
    install(note_, false);
}

InterruptNote::~InterruptNote() {
    uninstall();
}

InterruptHold::InterruptHold(std::string note) : note_("\nmillrace: " + std::move(note) + "\n") {
    install(note_, true);
}

InterruptHold::~InterruptHold() {
    uninstall();
}

int InterruptHold::signal() {
    return held.load();
}

}  // namespace millrace::cli
