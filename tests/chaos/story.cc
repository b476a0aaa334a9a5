#include "tests/chaos/story.h"

#include <algorithm>

namespace millrace::chaos {

bool Story::accepted() const {
    return std::ranges::any_of(submitted, [](const auto* sent) { return is_success(sent->http); });
}

std::optional<Moment> Story::first_sent() const {
    std::optional<Moment> first;
    for (const auto* sent : submitted) {
        if (!first || sent->span.from < *first) first = sent->span.from;
    }
    return first;
}

std::optional<Moment> Story::first_final() const {
    for (const auto* answer : seen) {
        if (answer->view.is_final()) return answer->span.to;
    }
    return std::nullopt;
}

std::vector<Story> tell(const History& history) {
    int jobs = 0;
    for (const auto& planned : history.planned) jobs = std::max(jobs, planned.job + 1);
    std::vector<Story> stories(static_cast<std::size_t>(jobs));
    const auto story_of = [&](int job) -> Story* {
        return job >= 0 && job < jobs ? &stories[static_cast<std::size_t>(job)] : nullptr;
    };
    for (const auto& planned : history.planned) story_of(planned.job)->planned = &planned;
    for (const auto& sent : history.submitted) {
        if (auto* story = story_of(sent.job)) story->submitted.push_back(&sent);
    }
    for (const auto& answer : history.seen) {
        if (auto* story = story_of(answer.job)) story->seen.push_back(&answer);
    }
    for (const auto& job : history.listed) {
        if (auto* story = story_of(job.job)) story->listed.push_back(&job);
    }
    std::erase_if(stories, [](const Story& story) { return story.planned == nullptr; });
    for (auto& story : stories) {
        std::ranges::sort(story.seen, {}, [](const Seen* answer) { return answer->span.to; });
    }
    return stories;
}

}  // namespace millrace::chaos
