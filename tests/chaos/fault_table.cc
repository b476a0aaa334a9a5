#include "tests/chaos/fault_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace millrace::chaos {
namespace {

struct JobLine {
    int job = 0;
    Moment from{0};
    std::optional<Moment> to;  // The end of its time in flight; nothing: the end of the run.
    bool completed = false;
    bool restarted = false;
    bool lost = false;
    bool two_ends = false;
    bool other = false;
};

std::vector<JobLine> job_lines(const History& history, const std::vector<Finding>& findings) {
    std::map<int, JobLine> lines;
    for (const auto& story : tell(history)) {
        const auto sent = story.first_sent();
        if (!sent) continue;
        JobLine line{.job = story.planned->job, .from = *sent, .to = story.first_final()};
        for (const auto* job : story.listed) {
            line.restarted |= job->view.interruptions > 0;
            line.completed |= job->view.status == "completed";
        }
        // Submitted without an answer, and never accepted.
        if (!line.to && story.listed.empty() && !story.accepted()) {
            for (const auto* attempt : story.submitted) {
                line.to = std::max(line.to.value_or(Moment(0)), attempt->span.to);
            }
        }
        lines.emplace(line.job, line);
    }
    for (const auto& finding : findings) {
        const auto found = lines.find(finding.job);
        if (found == lines.end()) continue;
        auto& line = found->second;
        switch (finding.flaw) {
            case Flaw::kLost:
            case Flaw::kLie:
                line.lost = true;
                break;
            case Flaw::kTwoEnds:
            case Flaw::kWrongContent:
            case Flaw::kDuplicate:
                line.two_ends = true;
                break;
            default:
                line.other = true;
        }
    }
    std::vector<JobLine> sorted;
    for (const auto& [job, line] : lines) sorted.push_back(line);
    std::ranges::sort(sorted, {}, &JobLine::from);
    return sorted;
}

void count(FaultRow& row, const JobLine& line) {
    ++row.jobs;
    row.lost += line.lost ? 1 : 0;
    row.two_ends += line.two_ends ? 1 : 0;
    row.other += line.other ? 1 : 0;
    row.restarted += line.restarted ? 1 : 0;
}

struct Recovery {
    std::optional<Moment> resumed;
    std::optional<Moment> caught_up;
};

Recovery observe(const Span& fault, const std::vector<JobLine>& lines, FaultRow& row) {
    Recovery recovery;
    for (const auto& line : lines) {
        if (line.from > fault.to) {
            if (!line.completed || !line.to) continue;
            const auto after = *line.to - fault.to;
            recovery.resumed = std::min(recovery.resumed.value_or(after), after);
        } else if (!line.to || *line.to >= fault.from) {
            count(row, line);
            if (!line.to) continue;
            const auto after = std::max(*line.to - fault.to, Moment(0));
            recovery.caught_up = std::max(recovery.caught_up.value_or(after), after);
        }
    }
    return recovery;
}

std::string seconds(const std::optional<Moment>& time) {
    if (!time) return "-";
    return fmt::format("{:.2f} s", static_cast<double>(time->count()) / 1e6);
}

}  // namespace

std::vector<FaultRow> fault_table(const History& history, const std::vector<Finding>& findings) {
    const auto lines = job_lines(history, findings);
    std::vector<FaultRow> rows;
    std::map<std::string, std::vector<Moment>> resumed;
    for (const auto& fault : history.faults) {
        auto row = std::ranges::find(rows, fault.name, &FaultRow::fault);
        if (row == rows.end()) row = rows.insert(rows.end(), {.fault = fault.name});
        ++row->times;
        const auto recovery = observe(fault.span, lines, *row);
        if (recovery.resumed) resumed[fault.name].push_back(*recovery.resumed);
        if (recovery.caught_up) {
            row->caught_up_max =
                std::max(row->caught_up_max.value_or(Moment(0)), *recovery.caught_up);
        }
    }
    for (auto& row : rows) {
        auto& times = resumed[row.fault];
        if (times.empty()) continue;
        std::ranges::sort(times);
        row.resumed_median = times[times.size() / 2];
        row.resumed_max = times.back();
    }
    FaultRow all{.fault = "all", .times = static_cast<int>(history.faults.size())};
    for (const auto& line : lines) count(all, line);
    rows.push_back(all);
    return rows;
}

std::string format_table(const std::vector<FaultRow>& rows) {
    std::string text =
        "| fault | times | jobs in flight | lost | double outcomes | other findings | "
        "attempts started again | resumed, median | max | caught up, max |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (const auto& row : rows) {
        fmt::format_to(
            std::back_inserter(text), "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            row.fault, row.times, row.jobs, row.lost, row.two_ends, row.other, row.restarted,
            seconds(row.resumed_median), seconds(row.resumed_max), seconds(row.caught_up_max));
    }
    return text;
}

}  // namespace millrace::chaos
