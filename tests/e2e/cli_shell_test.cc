// The `millrace` command without a gateway: in shells, with odd arguments, and how it ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/process/temporary_directory.h"
#include "tests/e2e/command.h"

namespace millrace::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// A folder with a file whose name has a blank, and a home for the shells' own files.
class Shells : public testing::Test {
 protected:
    void SetUp() override {
        std::filesystem::create_directory(path() / "folder");
        std::ofstream(path() / "folder" / "with blank.txt") << "prompt\n";
    }
    std::filesystem::path path() const { return directory_.path(); }
    CommandResult run(const std::string& script) {
        return run_script("cd '" + path().string() + "' && " + script,
                          {{"HOME", path().string()}, {"XDG_CONFIG_HOME", path().string()}});
    }

    process::TemporaryDirectory directory_ = *process::TemporaryDirectory::make("millrace-cli-");
};

class BashCompletion : public Shells {
 protected:
    // Returns the completions of the last word; the words are those that the shell has split.
    std::string offered(const std::string& words) {
        return run("source <(millrace completion bash) && COMP_WORDS=(" + words +
                   ") && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _millrace; "
                   "printf '%s\\n' \"${COMPREPLY[@]}\"")
            .output;
    }
};

TEST_F(BashCompletion, OffersCommands) {
    EXPECT_EQ(offered("millrace lis"), "list\n");
    EXPECT_THAT(offered("millrace ''"), HasSubstr("submit\n"));
    EXPECT_EQ(offered("millrace --url http://host lis"), "list\n");
    EXPECT_EQ(offered("millrace --url = http://host lis"), "list\n");
    EXPECT_EQ(offered("millrace --json lis"), "list\n");
    EXPECT_EQ(offered("millrace help lis"), "list\n");
}

TEST_F(BashCompletion, OffersOptionsAndTheirValues) {
    EXPECT_EQ(offered("millrace submit --prio"), "--priority\n");
    EXPECT_EQ(offered("millrace submit --jso"), "--jsonl\n--json\n");
    EXPECT_EQ(offered("millrace submit --priority hi"), "high\n");
    EXPECT_EQ(offered("millrace submit -p lo"), "low\n");
    EXPECT_EQ(offered("millrace list --status fai"), "failed\n");
    EXPECT_EQ(offered("millrace list --status = fai"), "failed\n");
    EXPECT_EQ(offered("millrace list --status failed,exp"), "failed,expired\n");
    EXPECT_EQ(offered("millrace completion z"), "zsh\n");
}

TEST_F(BashCompletion, OffersFilesOnlyForFiles) {
    EXPECT_EQ(offered("millrace submit --file fol"), "folder\n");
    EXPECT_EQ(offered("millrace submit --file 'folder/with\\ bl'"), "folder/with blank.txt\n");
    EXPECT_EQ(offered("millrace submit -f folder/w"), "folder/with blank.txt\n");
    EXPECT_EQ(offered("millrace submit --queue fol"), "\n");
    EXPECT_EQ(offered("millrace get fol"), "\n");
    EXPECT_EQ(offered("millrace list --status fol"), "\n");
}

TEST_F(Shells, FishCompletes) {
    const auto offered = [this](const std::string& line) {
        return run("fish -c 'millrace completion fish | source; complete -C \"" + line + "\"'")
            .output;
    };
    EXPECT_THAT(offered("millrace lis"), HasSubstr("list\tList jobs"));
    EXPECT_THAT(offered("millrace --url http://host lis"), HasSubstr("list\t"));
    EXPECT_THAT(offered("millrace migr"), HasSubstr("Bring the database's schema"));
    EXPECT_THAT(offered("millrace submit --prio"), HasSubstr("--priority"));
    EXPECT_THAT(offered("millrace submit --json"), HasSubstr("--jsonl"));
    EXPECT_THAT(offered("millrace submit --priority hi"), HasSubstr("high"));
    EXPECT_THAT(offered("millrace list --status fai"), HasSubstr("failed"));
    EXPECT_THAT(offered("millrace completion z"), HasSubstr("zsh"));
    EXPECT_THAT(offered("millrace submit --file fold"), HasSubstr("folder/"));
    EXPECT_THAT(offered("millrace submit --queue fold"), Not(HasSubstr("folder")));
}

// A real terminal with zsh in it: presses Tab, and shows the line with Ctrl-X.
class ZshCompletion : public Shells {
 protected:
    std::string completed(const std::string& line, const std::string& setup) {
        std::ofstream(path() / "init.zsh") << "PS1=''\n"
                                           << setup << "source <(millrace completion zsh)\n"
                                           << "show() { print -r -- \"<$BUFFER>\"; BUFFER='' }\n"
                                           << "zle -N show; bindkey '^X' show; print loa''ded\n";
        std::ofstream(path() / "drive.zsh") << "zmodload zsh/zpty\n"
                                            << "zpty shell zsh -f -i\n"
                                            << "zpty -w shell 'source ./init.zsh'\n"
                                            << "zpty -r shell text '*loaded*'\n"
                                            << "zpty -w -n shell $'" << line << "\\t\\x18'\n"
                                            << "zpty -r shell text $'*<*>*'\n"
                                            << "print -r -- ${text//[^[:print:]]/}\n"
                                            << "zpty -d shell\n";
        return run("zsh -f drive.zsh").output;
    }
    const std::string compinit_ = "autoload -Uz compinit && compinit -u -D\n";
};

TEST_F(ZshCompletion, CompletesCommandsOptionsAndValues) {
    EXPECT_THAT(completed("millrace lis", compinit_), HasSubstr("<millrace list >"));
    EXPECT_THAT(completed("millrace --url http://host lis", compinit_),
                HasSubstr("<millrace --url http://host list >"));
    EXPECT_THAT(completed("millrace submit --prio", compinit_),
                HasSubstr("<millrace submit --priority"));
    EXPECT_THAT(completed("millrace submit --priority hi", compinit_),
                HasSubstr("<millrace submit --priority high >"));
    EXPECT_THAT(completed("millrace submit --priority=hi", compinit_),
                HasSubstr("<millrace submit --priority=high >"));
    EXPECT_THAT(completed("millrace submit hello --wai", compinit_),
                HasSubstr("<millrace submit hello --wait >"));
    EXPECT_THAT(completed("millrace list --status failed,exp", compinit_),
                HasSubstr("<millrace list --status failed,expired"));
    EXPECT_THAT(completed("millrace submit --file folder/w", compinit_),
                HasSubstr("<millrace submit --file folder/with\\ blank.txt >"));
    EXPECT_THAT(completed("millrace completion z", compinit_),
                HasSubstr("<millrace completion zsh >"));
}

TEST_F(ZshCompletion, NeedsNoCompinit) {
    EXPECT_THAT(completed("millrace lis", ""), HasSubstr("<millrace list >"));
}

TEST_F(Shells, TheScriptsAreValid) {
    EXPECT_EQ(run("millrace completion bash | bash -n").exit_code, 0);
    EXPECT_EQ(run("millrace completion zsh | zsh -n").exit_code, 0);
    EXPECT_EQ(run("millrace completion fish | fish -n").exit_code, 0);
    EXPECT_EQ(run("millrace completion tcsh").exit_code, 2);
}

TEST_F(Shells, NothingAborts) {
    // No request reaches a gateway: the arguments are refused before.
    for (const auto* arguments : {"submit $'caf\\xe9'",
                                  "submit -m $'\\xff' hello",
                                  "submit --file .",
                                  "submit --file /no/such/file",
                                  "submit - < .",
                                  "submit --input '{'",
                                  "submit ''",
                                  "submit -m m --file /dev/null",
                                  "submit --jsonl <(printf '{\"a\":\"\\xff\"}')",
                                  "submit -m m - < <(printf 'caf\\xe9')",
                                  "submit --max-tokens -5 hello",
                                  "submit --timeout soon hello",
                                  "submit hello --idempotency-key ''",
                                  "get",
                                  "get ''",
                                  "wait",
                                  "list --metadata user",
                                  "list --limit 0",
                                  "list --status done",
                                  "--url http://user:geheim@host queues",
                                  "--url ftp://host queues",
                                  "lits",
                                  "help lits",
                                  "--nonsense",
                                  "submit --nonsense hello",
                                  "completion",
                                  "migrate --down 0"}) {
        const auto result = run(std::string("millrace ") + arguments);
        EXPECT_EQ(result.exit_code, 2) << arguments << "\n" << result.output;
        EXPECT_THAT(result.output, HasSubstr("millrace: ")) << arguments;
        EXPECT_THAT(result.output, Not(HasSubstr("geheim")));
    }
}

TEST_F(Shells, EndsAsProgramsDo) {
    EXPECT_EQ(run("millrace --version").exit_code, 0);
    EXPECT_EQ(run("millrace submit --version").exit_code, 0);
    EXPECT_EQ(run("millrace help submit").output, run("millrace submit --help").output);
    EXPECT_EQ(run("millrace").exit_code, 2);
    EXPECT_EQ(run("millrace help > /dev/full").exit_code, 1);
    EXPECT_THAT(run("millrace help > /dev/full").output, HasSubstr("No space left"));
    EXPECT_EQ(run("millrace help >&-").exit_code, 1);
    EXPECT_EQ(run("MILLRACE_URL=127.0.0.1:9/ millrace queues").exit_code, 4);
}

}  // namespace
}  // namespace millrace::test
