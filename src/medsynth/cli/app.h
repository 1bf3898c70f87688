// How a command is declared and run: each group adds its subcommands to the parser; the one that was chosen
// leaves a function behind, which runs with the settings loaded.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "medsynth/base/settings.h"
#include "medsynth/cli/http_client.h"
#include "medsynth/cli/output.h"

namespace medsynth::cli {

// What every command works with.
struct Session {
  LoadedSettings loaded;
  Format format = Format::table;

  const Settings& settings() const { return loaded.settings; }
  // The same at each call, so that it can be asked afterwards what the server said.
  Result<HttpClient> client() const;
  // Of a server that this command started, with the same credentials.
  Result<HttpClient> client_of(std::string_view url) const;
  // With this key instead of the one that the settings and `login` name.
  Result<HttpClient> client_with(std::string token, std::string_view url) const;

  mutable std::optional<Result<HttpClient>> opened;
};

using Run = std::function<int(const Session&)>;  // gives the exit code

// Adds one subcommand; `make` is called after parsing, when the options hold their values.
inline CLI::App* add_command(CLI::App& parent, Run& chosen, const std::string& name, const std::string& help,
                             std::function<int(const Session&)> run) {
  CLI::App* command = parent.add_subcommand(name, help);
  if (name == "ls") command->alias("list");  // both words, everywhere
  if (name == "list") command->alias("ls");
  command->callback([&chosen, run = std::move(run)] { chosen = run; });
  return command;
}

void add_process_commands(CLI::App& app, Run& chosen);    // serve, worker
void add_analyze_command(CLI::App& app, Run& chosen);     // analyze
void add_contradict_command(CLI::App& app, Run& chosen);  // contradict
void add_eval_command(CLI::App& app, Run& chosen);        // eval
void add_calibrate_command(CLI::App& app, Run& chosen);   // calibrate
void add_label_command(CLI::App& app, Run& chosen);       // label
void add_task_commands(CLI::App& app, Run& chosen);       // tasks ...
void add_queue_commands(CLI::App& app, Run& chosen);      // send, queues ...
void add_dead_commands(CLI::App& app, Run& chosen);       // dead ...
void add_resource_commands(CLI::App& app, Run& chosen);   // usage, limits, system, cache
void add_top_command(CLI::App& app, Run& chosen);         // top
void add_model_commands(CLI::App& app, Run& chosen);      // models ...
void add_key_commands(CLI::App& app, Run& chosen);        // keys ...
void add_audit_commands(CLI::App& app, Run& chosen);      // audit ...
void add_login_commands(CLI::App& app, Run& chosen);      // login, logout
void add_backup_commands(CLI::App& app, Run& chosen);     // backup, restore
void add_config_commands(CLI::App& app, Run& chosen);     // config
void add_doctor_command(CLI::App& app, Run& chosen);      // doctor
void add_about_commands(CLI::App& app, Run& chosen);      // help, version, status, completion

// The whole command line; gives the exit code.
int run(int argc, char** argv);

}  // namespace medsynth::cli
