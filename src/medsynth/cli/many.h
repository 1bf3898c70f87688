// Commands on all tasks, or dead letters, that match: what they are told, and how they do it - count, ask, act, go on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/cli/app.h"

namespace medsynth::cli {

// Options that were given, by the names of the API's filter.
class Filter {
 public:
  // Adds the options of tasks, or of dead letters. The filter outlives the command.
  void add_task_options(CLI::App& command);
  void add_dead_options(CLI::App& command);

  bool empty() const;
  std::string given(std::string_view name) const;  // "": it was not
  // For a call that lists: "&status=failed", "" where nothing was given. invalid_argument names an option.
  Result<std::string> query() const;
  // For a call that changes.
  Result<json::object> members() const;

 private:
  struct Given {
    const char* name;
    const char* option;
    std::optional<std::string> value;
    bool is_time = false;
  };
  void add(CLI::App& command, const char* name, const char* option, const char* help, bool is_time = false);
  Result<std::string> value_of(const Given& given) const;

  std::vector<std::unique_ptr<Given>> given_;
};

// What is done to many: POST `path` with this action.
struct Work {
  std::string_view path;
  std::string_view action;  // cancel | delete | replay
  std::string_view done;    // "cancelled"
  std::string_view noun;    // "task"
  bool asks = true;         // it cannot be undone
};

// invalid_argument: there is no terminal to ask on, and no --yes.
Result<> may_ask(bool yes);
// Counts them, asks (but with `yes`, or where it can be undone), and does it to as many; answers matched, done, skipped and
// failed.
Result<json::object> change_all(const HttpClient& client, const Work& work, json::object filter, bool yes);
// What came of it; gives the exit code.
int print_change(const Session& session, const Work& work, const json::object& sum);
// The same as a command; gives the exit code.
int run_change(const Session& session, const Work& work, const Filter& filter, bool yes);

// Groups of errors: GET `path`, from all pages.
int show_errors(const Session& session, std::string_view path, const Filter& filter);

}  // namespace medsynth::cli
