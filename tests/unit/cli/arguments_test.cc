// The command line as a shell passes it: no argument is ignored or split.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "producer/cli/arguments.h"
#include "producer/cli/completion.h"
#include "producer/cli/parser.h"

namespace millrace::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Words = std::vector<std::string>;

// A command with one of each kind of argument.
class ArgumentsTest : public testing::Test {
 protected:
    ArgumentsTest() {
        auto& command = program_.command("try", "Try it", "millrace try", [] { return 0; });
        Arguments arguments(program_, command);
        arguments.words("words", words_, "Words");
        arguments.text("--text,-t", text_, "Text");
        arguments.path("--path", path_, "A path");
        arguments.choice("--choice", choice_, "A choice", {"red", "green"});
        arguments.choices("--choices", choices_, "Choices", {"red", "green"});
        arguments.pairs("--pair", pairs_, "Pairs");
        arguments.count("--count,-n", count_, "A number");
        arguments.duration("--time", time_, "A duration");
        arguments.flag("--flag,-f", flag_, "A flag");
    }

    int run(Words words) {
        words.insert(words.begin(), "try");
        return run_plain(std::move(words));
    }
    int run_plain(Words words) {
        testing::internal::CaptureStderr();
        const auto code = run_arguments(program_, std::move(words));
        error_ = testing::internal::GetCapturedStderr();
        return code;
    }

    Program program_;
    Words words_;
    std::string text_;
    std::string path_;
    std::string choice_;
    Words choices_;
    Words pairs_;
    std::optional<int> count_;
    std::string time_;
    bool flag_ = false;
    std::string error_;
};

TEST_F(ArgumentsTest, WordsStayAsTheyAre) {
    EXPECT_EQ(run({"[a,b]", "{}", "++", "%%", "[", "try", "help", "", "a,b"}), kOk) << error_;
    EXPECT_THAT(words_, ElementsAre("[a,b]", "{}", "++", "%%", "[", "try", "help", "", "a,b"));
}

TEST_F(ArgumentsTest, WordsAfterADoubleDashMayBeginWithADash) {
    EXPECT_EQ(run({"-f", "--", "-5", "--url", "[x]"}), kOk) << error_;
    EXPECT_THAT(words_, ElementsAre("-5", "--url", "[x]"));
    EXPECT_TRUE(flag_);
}

TEST_F(ArgumentsTest, AnOptionTakesOneWordOnly) {
    EXPECT_EQ(run({"--pair", "a=b", "one", "--pair", "c=[d]", "two", "--choices", "red,green",
                   "three", "--text", "[t]"}),
              kOk)
        << error_;
    EXPECT_THAT(words_, ElementsAre("one", "two", "three"));
    EXPECT_THAT(pairs_, ElementsAre("a=b", "c=[d]"));
    EXPECT_THAT(choices_, ElementsAre("red", "green"));
    EXPECT_EQ(text_, "[t]");
}

TEST_F(ArgumentsTest, WrongValuesAreRefusedWithTheOptionsName) {
    const std::vector<Words> mistakes{
        {"--text", ""},        {"--text", "caf\xe9"},      {"--text="},
        {"--path", ""},        {"--choice", "blue"},       {"--choice", "Red"},
        {"--choices", "red,"}, {"--choices", "red,bl"},    {"--pair", "user"},
        {"--pair", "=x"},      {"--pair", "a=\xff"},       {"--pair", "a=1", "--pair", "a=2"},
        {"--count", "0"},      {"--count", "-5"},          {"--count", "0x10"},
        {"--count", "1e3"},    {"--count", "99999999999"}, {"--count", "3 "},
        {"--time", "fast"},    {"--time", "-1s"},          {"--text", "a", "--text", "b"}};
    for (const auto& words : mistakes) {
        EXPECT_EQ(run(words), kUsage) << testing::PrintToString(words);
        EXPECT_THAT(error_, HasSubstr(words[0].substr(0, words[0].find('='))))
            << testing::PrintToString(words);
        EXPECT_THAT(error_, Not(HasSubstr("MILLRACE_")));
    }
}

TEST_F(ArgumentsTest, OddWordsAreRefused) {
    EXPECT_EQ(run({"caf\xe9"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("UTF-8"));
    EXPECT_EQ(run({"--txet", "a"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("did you mean --text?"));
    EXPECT_EQ(run({"--jsno"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("did you mean --json?"));
    EXPECT_EQ(run({"-5"}), kOk) << "a negative number is a word";
    EXPECT_EQ(run({"--flga"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("did you mean --flag?"));
    EXPECT_EQ(run({"-x"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("--"));
}

TEST_F(ArgumentsTest, RepeatedOptionsAreRefused) {
    EXPECT_EQ(run({"--text", "a", "--text", "b"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("--text is given twice"));
    EXPECT_EQ(run_plain({"--url", "http://a", "try", "--url", "http://b"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("--url is given twice"));
    EXPECT_EQ(run_plain({"--json"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("give a command. `millrace --help`"));
}

TEST_F(ArgumentsTest, AFlagTakesNoValue) {
    for (const std::string value : {"yes", "false", "0", "5", "maybe"}) {
        EXPECT_EQ(run({"--flag=" + value}), kUsage) << value;
        EXPECT_THAT(error_, HasSubstr("--flag takes no value"));
    }
    EXPECT_FALSE(flag_);
    EXPECT_EQ(run_plain({"--json=false", "try"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("--json takes no value"));
}

TEST_F(ArgumentsTest, OptionsOfACommandComeAfterIt) {
    for (const auto& words : std::vector<Words>{{"--text", "x", "try"},
                                                {"--flag", "try"},
                                                {"-f", "try"},
                                                {"--json", "--count=3", "try"}}) {
        EXPECT_EQ(run_plain(words), kUsage);
        EXPECT_THAT(error_, HasSubstr("comes before the command")) << testing::PrintToString(words);
    }
    EXPECT_EQ(run_plain({"--json", "--url=http://a", "try"}), kOk) << error_;
}

TEST_F(ArgumentsTest, APathMayHaveAnyBytes) {
    EXPECT_EQ(run({"--path", "caf\xe9"}), kOk) << error_;
    EXPECT_EQ(path_, "caf\xe9");
}

TEST_F(ArgumentsTest, ADurationIsWrittenWithOrWithoutItsUnit) {
    for (const auto& [written, meant] : std::vector<std::pair<std::string, std::string>>{
             {"10", "10s"}, {"2s", "2s"}, {"5m", "5m"}, {"100ms", "100ms"}}) {
        EXPECT_EQ(run({"--time", written}), kOk) << error_;
        EXPECT_EQ(time_, meant);
    }
    EXPECT_EQ(parse_wait("10"), std::chrono::seconds(10));
    EXPECT_EQ(parse_wait("2m"), std::chrono::minutes(2));
    EXPECT_EQ(parse_wait(""), std::nullopt);
}

TEST_F(ArgumentsTest, OptionsOfAllCommandsStandAnywhere) {
    EXPECT_EQ(run_plain({"--url", "http://a", "try", "--json", "x"}), kOk) << error_;
    EXPECT_EQ(program_.global.url, "http://a");
    EXPECT_TRUE(program_.global.json);
}

TEST_F(ArgumentsTest, AnUnknownCommandSuggestsOne) {
    EXPECT_EQ(run_plain({"tyr"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("did you mean try?"));
    EXPECT_EQ(run_plain({"--url", "http://a", "nonsense"}), kUsage);
    EXPECT_THAT(error_, HasSubstr("'nonsense' is not a command"));
    EXPECT_EQ(run_plain({}), kUsage);
    EXPECT_THAT(error_, HasSubstr("try"));
}

// A file of ids may come from any program or system.
TEST(Ids, AreTrimmed) {
    Program program;
    Words ids;
    std::string id;
    auto& many = program.command("many", "", "", [] { return 0; });
    Arguments(program, many).ids("ids", ids, "Ids");
    auto& one = program.command("one", "", "", [] { return 0; });
    Arguments(program, one).id("id", id, "Id");
    const auto run = [&](Words words) {
        testing::internal::CaptureStderr();
        const auto code = run_arguments(program, std::move(words));
        return std::pair(code, testing::internal::GetCapturedStderr());
    };
    EXPECT_EQ(run({"many", " a ", "b\r", "\tc\n",
                   "\xEF\xBB\xBF"
                   "d\r",
                   "\xEF\xBB\xBF e"})
                  .first,
              kOk);
    EXPECT_THAT(ids, ElementsAre("a", "b", "c", "d", "e"));
    EXPECT_EQ(run({"one", " a\r"}).first, kOk);
    EXPECT_EQ(id, "a");
    for (const std::string wrong :
         {"",        " ",     "\r",  "\xEF\xBB\xBF", "a\nb", "a b", "a\x1b[2J",
          "a\x7f",   "a\xff", "'a'", "\"a\"",        "..",   ".",   "a/result",
          "a/../b",  "a?x=y", "a#b", "a,b",          "id=a", "%2e", "\xE2\x80\x93result",
          "\xC3\xA4"}) {
        for (const auto* command : {"one", "many"}) {
            const auto [code, error] = run({command, wrong});
            EXPECT_EQ(code, kUsage) << wrong;
            EXPECT_THAT(error, HasSubstr("id")) << wrong;
        }
    }
}

struct Given {
    up::UpOptions up;
    up::LogsOptions logs;
    std::string data;
    int runs = 0;
};

// The arguments of `up` and similar commands, with actions that only record them.
class UpArguments : public testing::Test {
 protected:
    UpArguments() {
        given_ = {};
        add_up_commands(
            program_, "./millrace",
            {.up = [](const up::UpOptions& options) { return keep(given_.up, options); },
             .logs = [](const up::LogsOptions& options) { return keep(given_.logs, options); },
             .down = [](const std::string& data) { return keep(given_.data, data); },
             .reload = [](const std::string& data) { return keep(given_.data, data); }});
    }

    template <class T>
    static int keep(T& place, const T& value) {
        place = value;
        ++given_.runs;
        return kOk;
    }
    int run(Words words) {
        testing::internal::CaptureStderr();
        const auto code = run_arguments(program_, std::move(words));
        error_ = testing::internal::GetCapturedStderr();
        return code;
    }

    static Given given_;
    Program program_;
    std::string error_;
};

Given UpArguments::given_;

TEST_F(UpArguments, StayAsTheyAre) {
    EXPECT_EQ(run({"up",
                   "--process",
                   "[a,b]",
                   "--process={}",
                   "--set",
                   "%x",
                   "--set=[k]=[v]",
                   "--model",
                   "[m].gguf",
                   "--model",
                   "{m}.gguf",
                   "--backend-url",
                   "[u]",
                   "--data",
                   "[d,e]",
                   "--config",
                   "{c}",
                   "--port",
                   "0",
                   "--workers",
                   "3",
                   "--kafka"}),
              kOk)
        << error_;
    EXPECT_THAT(given_.up.processes, ElementsAre("[a,b]", "{}"));
    EXPECT_THAT(given_.up.settings, ElementsAre("%x", "[k]=[v]"));
    EXPECT_THAT(given_.up.models, ElementsAre("[m].gguf", "{m}.gguf"));
    EXPECT_THAT(given_.up.backend_urls, ElementsAre("[u]"));
    EXPECT_EQ(given_.up.data, "[d,e]");
    EXPECT_EQ(given_.up.config, "{c}");
    EXPECT_EQ(given_.up.port, 0);
    EXPECT_EQ(given_.up.workers, 3);
    EXPECT_TRUE(given_.up.kafka);
    EXPECT_EQ(given_.up.program, "./millrace");
    EXPECT_EQ(run({"logs", "[w]", "-f", "-n", "0", "--data", "{d}"}), kOk) << error_;
    EXPECT_EQ(given_.logs.part, "[w]");
    EXPECT_EQ(given_.logs.data, "{d}");
    EXPECT_EQ(given_.logs.lines, 0);
    EXPECT_EQ(run({"down", "--data", "[d,e]"}), kOk) << error_;
    EXPECT_EQ(given_.data, "[d,e]");
}

TEST_F(UpArguments, AreRefusedRatherThanIgnored) {
    for (const auto& words : std::vector<Words>{{"up", "--model", ""},
                                                {"up", "--backend-url", ""},
                                                {"up", "--process", ""},
                                                {"up", "--set", ""},
                                                {"up", "--set", "a=\xff"},
                                                {"up", "--data", ""},
                                                {"up", "--config", ""},
                                                {"up", "--port", "65536"},
                                                {"up", "--port", "-1"},
                                                {"up", "--port", "0x1F90"},
                                                {"up", "--port", " 8080"},
                                                {"up", "--port", "8080", "--port", "8081"},
                                                {"up", "--workers", "65"},
                                                {"up", "--workers", "two"},
                                                {"up", "--model", "a", "b"},
                                                {"up", "now"},
                                                {"up", "[]"},
                                                {"up", "--dta", "x"},
                                                {"logs", ""},
                                                {"logs", "a", "b"},
                                                {"logs", "-n", "-1"},
                                                {"logs", "-n", "1000001"},
                                                {"down", "all"},
                                                {"down", "{}"},
                                                {"reload", "--data", "a", "--data", "b"}}) {
        EXPECT_EQ(run(words), kUsage) << testing::PrintToString(words);
        EXPECT_THAT(error_, Not(IsEmpty()));
    }
    EXPECT_EQ(given_.runs, 0);
}

TEST(Help, DescribesTheRequestedCommand) {
    const auto help = [](const Words& words) {
        Program program;
        add_client_commands(program);
        testing::internal::CaptureStdout();
        EXPECT_EQ(run_arguments(program, words), kOk);
        return testing::internal::GetCapturedStdout();
    };
    EXPECT_THAT(help({"help"}), HasSubstr("Usage: millrace [OPTIONS] SUBCOMMAND"));
    EXPECT_EQ(help({"help"}), help({"--help"}));
    EXPECT_THAT(help({"help", "submit"}), HasSubstr("Usage: millrace submit "));
    EXPECT_EQ(help({"help", "submit"}), help({"submit", "--help"}));
    EXPECT_EQ(help({"help", "help"}), help({"help", "--help"}));
}

TEST(Help, FitsEightyColumns) {
    Program program;
    add_client_commands(program);
    add_up_commands(program, "millrace", {});
    std::vector<const CLI::App*> apps{&program.app};
    for (const auto* command : program.app.get_subcommands({})) apps.push_back(command);
    for (const auto* app : apps) {
        std::istringstream lines(app->help());
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(line.size(), 80U) << app->get_name() << ": " << line;
        }
        EXPECT_THAT(app->help(), HasSubstr("--json")) << app->get_name();
    }
}

TEST(Completion, NamesEveryCommandAndOption) {
    Program program;
    add_client_commands(program);
    add_up_commands(program, "millrace", {});
    for (const auto* shell : {"bash", "zsh", "fish"}) {
        const auto script = completion_script(program, shell);
        for (const auto* command : program.app.get_subcommands({})) {
            EXPECT_THAT(script, HasSubstr(command->get_name())) << shell;
            for (const auto* option : command->get_options()) {
                for (const auto& name : option->get_lnames()) {
                    EXPECT_THAT(script, HasSubstr(name)) << shell;
                }
            }
        }
    }
}

}  // namespace
}  // namespace millrace::cli
