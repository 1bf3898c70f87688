// The command line as data, read off the parser: what completion scripts and the manual page are made of, so
// that they never say something else than the parser does. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medsynth/base/error.h"

namespace CLI {
class App;
}

namespace medsynth::cli {

struct OptionPage {
  std::vector<std::string> names;    // "-o", "--output"; none: an argument by its place
  std::string value;                 // what follows, "FILE"; empty: a flag
  std::vector<std::string> choices;  // the values there are; empty: any
  std::string help;
  bool required = false;
  bool repeatable = false;
};

struct CommandPage {
  std::vector<std::string> path;  // {"models", "add"}; empty: the program itself
  std::vector<std::string> aliases;
  std::string help;
  std::vector<OptionPage> options;  // and arguments
};

// The program, then every command, depth first. Hidden ones are left out, but the settings: `serve` and
// `worker` have them as options.
std::vector<CommandPage> pages_of(const CLI::App& app);

// A script for `shell`: bash, zsh or fish; invalid_argument for another.
Result<std::string> completion(const std::vector<CommandPage>& pages, std::string_view shell);

// medsynth(1) for man, as roff (man(7)). `date`: "2026-11-30".
std::string manual(const std::vector<CommandPage>& pages, std::string_view version, std::string_view date);

}  // namespace medsynth::cli
