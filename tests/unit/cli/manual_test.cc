// The command line as data, and what is made of it.
#include "medsynth/cli/manual.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

class Manual : public testing::Test {
 protected:
  Manual() {
    app_.add_option("-o,--output", text_, "table or json")->check(CLI::IsMember({"table", "json"}));
    app_.add_option("--hidden-setting", text_, "A setting")->group("");
    CLI::App* serve = app_.add_subcommand("serve", "Everything; it's all");
    serve->add_flag("--loud", flag_, "Say more");
    CLI::App* models = app_.add_subcommand("models", "Model files");
    CLI::App* list = models->add_subcommand("list", "Those there are");
    list->alias("ls");
    CLI::App* add = models->add_subcommand("add", "Adds a file: models add NAME FILE");
    add->add_option("NAME", text_, "Its name")->required();
    add->add_option("FILE", files_, "Files")->required();
    add->add_option("--kind", text_, "What it is")->check(CLI::IsMember({"language", "sentence"}));
    app_.add_subcommand("secret", "Not shown")->group("");
  }

  CLI::App app_{"Judges claims.", "medsynth"};
  std::string text_;
  std::vector<std::string> files_;
  bool flag_ = false;
};

const CommandPage* page(const std::vector<CommandPage>& pages, const std::vector<std::string>& path) {
  const auto at =
      std::find_if(pages.begin(), pages.end(), [&](const auto& each) { return each.path == path; });
  return at == pages.end() ? nullptr : &*at;
}

const OptionPage* option(const CommandPage& page, std::string_view name) {
  for (const OptionPage& each : page.options)
    if (std::find(each.names.begin(), each.names.end(), name) != each.names.end() ||
        (each.names.empty() && each.value == name))
      return &each;
  return nullptr;
}

TEST_F(Manual, SaysWhatTheParserTakes) {
  const auto pages = pages_of(app_);
  ASSERT_TRUE(page(pages, {}));
  EXPECT_EQ(pages.front().path, std::vector<std::string>{});
  const CommandPage* add = page(pages, {"models", "add"});
  ASSERT_TRUE(add);
  ASSERT_TRUE(option(*add, "NAME") && option(*add, "FILE") && option(*add, "--kind"));
  EXPECT_TRUE(option(*add, "NAME")->required);
  EXPECT_FALSE(option(*add, "NAME")->repeatable);
  EXPECT_TRUE(option(*add, "FILE")->repeatable);
  EXPECT_EQ(option(*add, "--kind")->choices, (std::vector<std::string>{"language", "sentence"}));
  EXPECT_EQ(page(pages, {"models", "list"})->aliases, std::vector<std::string>{"ls"});
}

TEST_F(Manual, SettingsGoWithTheProcessesAndHiddenCommandsNowhere) {
  const auto pages = pages_of(app_);
  EXPECT_FALSE(option(pages.front(), "--hidden-setting"));
  EXPECT_TRUE(option(*page(pages, {"serve"}), "--hidden-setting"));
  EXPECT_TRUE(option(*page(pages, {"serve"}), "--loud")->value.empty());
  EXPECT_FALSE(page(pages, {"secret"}));
}

TEST_F(Manual, OtherShellsAreRefused) {
  const auto pages = pages_of(app_);
  for (const char* shell : {"bash", "zsh", "fish"}) EXPECT_TRUE(completion(pages, shell)) << shell;
  EXPECT_EQ(completion(pages, "tcsh").error().code, Code::invalid_argument);
}

TEST_F(Manual, ThePageIsRoff) {
  const std::string text = manual(pages_of(app_), "1.2.3", "2026-11-30");
  EXPECT_TRUE(text.starts_with(".TH MEDSYNTH 1 \"2026-11-30\" \"medsynth 1.2.3\""));
  EXPECT_NE(text.find(".SS \"medsynth models add\""), std::string::npos);
  EXPECT_NE(text.find("medsynth models add [OPTIONS] NAME FILE..."), std::string::npos);
  EXPECT_NE(text.find("\\-\\-kind language|sentence"), std::string::npos);
  EXPECT_EQ(text.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace medsynth::cli
