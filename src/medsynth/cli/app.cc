#include "medsynth/cli/app.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <sstream>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/live_settings.h"
#include "medsynth/base/log.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/text.h"
#include "medsynth/cli/log_place.h"
#include "medsynth/cli/tokens.h"

namespace medsynth::cli {
namespace {

using Words = std::map<std::string, std::string, std::less<>>;

std::string flag_name(const Setting& setting) {
  std::string flag = fmt::format("--{}", setting.name);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

// Which server, and how it is asked: every command's help lists these.
bool is_of_a_client(const Setting& setting) {
  constexpr std::array<std::string_view, 5> kNames{"url", "token_file", "ca_file", "client_certificate",
                                                   "client_key"};
  return std::find(kNames.begin(), kNames.end(), setting.name) != kNames.end();
}

// Every setting that may be read by others is a flag of every command; only serve and worker list them all, below
// their own help.
void add_setting_flags(CLI::App& app, Words& flags) {
  for (const Setting& setting : settings_table()) {
    if (!setting.has_flag) continue;
    const auto store = [&flags, name = std::string(setting.name)](const std::string& text) {
      flags[name] = text;
    };
    CLI::Option* option =
        is_switch(setting)
            ? app.add_flag_function(
                  flag_name(setting), [store](std::int64_t on) { store(on > 0 ? "true" : "false"); },
                  std::string(setting.help))
            : app.add_option_function<std::string>(flag_name(setting), store, std::string(setting.help));
    option->group(is_of_a_client(setting) ? "Options" : "");
  }
}

// --port: the server of this machine, for who starts it and for who calls it.
Result<> apply_port(const std::string& text, Words& flags) {
  if (text.empty()) return success();
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535)
    return invalid("--port", "must be a number from 1 to 65535");
  if (flags.contains("listen") || flags.contains("url"))
    return invalid("--port", "is short for --listen and --url; give it or them");
  flags["listen"] = fmt::format("127.0.0.1:{}", port);
  flags["url"] = fmt::format("http://127.0.0.1:{}", port);
  return success();
}

std::string settings_help() {
  std::string help = "Settings: flag > environment > settings file > default\n";
  const Settings defaults;
  for (const Setting& setting : settings_table()) {
    const std::string fallback = shown(defaults, setting);
    help += fmt::format("  {:<30}{} [{}{}{}]\n", setting.has_flag ? flag_name(setting) : "", setting.help,
                        setting.environment, fallback.empty() ? "" : "; default " + fallback,
                        setting.unit.empty() ? "" : fmt::format(" {}", setting.unit));
  }
  return help;
}

// The word that a parser did not know, with the nearest that it knows.
std::string suggestion(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with('-')) continue;
    std::vector<std::string> names;
    for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    if (names.empty()) return "";
    if (std::find(names.begin(), names.end(), word) != names.end()) {
      at = at->get_subcommand(word);
      continue;
    }
    const std::vector<std::string_view> known(names.begin(), names.end());
    return fmt::format("'{}' is not a command{}", word, described::did_you_mean(word, known));
  }
  return "";
}

// What the parser says is wrong may repeat a mistyped flag with its value. Each word is masked by itself, so
// that the rest of the sentence stays.
std::string masked_words(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const std::size_t value = word.starts_with("--") ? word.find('=') : word.npos;
    out += (at > 0 ? " " : "") +
           (value == word.npos ? masked(word) : std::string(word.substr(0, value + 1)) + "***");
    at = end + 1;
  }
  return out;
}

// CLI11 takes "[a,b]" for a list of two values wherever one may be given more than once: an id may look like
// that. A word that ends like a list gets a mark behind it before it is parsed, and each value loses it
// again.
constexpr char kMark = '\x1f';

std::vector<std::string> marked(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  for (std::string& word : words)
    if (word.ends_with(']') || word.ends_with(kMark)) word += kMark;
  std::reverse(words.begin(), words.end());  // as the parser wants them
  return words;
}

std::string unmarked(std::string value) {
  if (value.ends_with(kMark)) value.pop_back();
  return value;
}

std::string not_empty(const std::string& value) {
  return value.empty() ? "must not be empty" : "";
}

// The order of `medsynth --help`.
void group_commands(CLI::App& app) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> groups{
      {"Run", {"serve", "worker", "backup", "restore"}},
      {"Judge", {"analyze", "contradict", "label", "eval", "calibrate"}},
      {"Tasks and queues", {"tasks", "send", "queues", "dead"}},
      {"Machine and models", {"status", "logs", "top", "usage", "limits", "cache", "models", "system"}},
      {"Access", {"keys", "audit", "login", "logout"}},
      {"Look and learn", {"doctor", "config", "help", "version", "completion"}},
  };
  for (const auto& [title, names] : groups)
    for (const std::string& name : names) app.get_subcommand(name)->group(title);
}

std::vector<CLI::App*> commands_of(CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Of the options that take a value, here and in every command below.
void for_each_value(CLI::App& app, const std::function<void(CLI::Option&)>& change) {
  for (CLI::Option* option : app.get_options())
    if (option->get_items_expected_max() > 0) change(*option);
  for (CLI::App* command : commands_of(app)) for_each_value(*command, change);
}

// A value that is given but empty is a mistake (a script's variable that was never set): it must not mean the
// same as no value, which may mean "all".
void refuse_empty_values(CLI::App& app) {
  for (CLI::App* command : commands_of(app))
    for_each_value(*command, [](CLI::Option& option) { option.check(not_empty); });
}

// The last catch of every command that ends by itself. What it threw over is mostly an answer that it could
// not read, so what the peer said is said too.
int guarded(const Run& chosen, const Session& session) try {
  return chosen(session);
} catch (const std::exception& error) {
  const bool asked = session.opened && *session.opened && !(*session.opened)->heard().empty();
  if (!asked)
    return fail(
        {Code::internal, fmt::format("this should not happen, please report it: {}", error.what()), ""});
  return fail({Code::unavailable,
               fmt::format("the answer of {} cannot be used ({}). It was {}", (*session.opened)->url(),
                           error.what(), (*session.opened)->heard()),
               "unexpected_answer"});
}

int parse_and_run(int argc, char** argv) {
  CLI::App app{
      "Runs machine-learning jobs over medical literature: tasks in Redis, models in memory, limits that "
      "hold.",
      "medsynth"};
  app.set_version_flag("--version", std::string("medsynth " MEDSYNTH_VERSION));
  app.require_subcommand(1);
  app.fallthrough();
  Words flags;
  add_setting_flags(app, flags);
  std::string output = "table", file, port;
  bool as_json = false;
  app.add_option("-o,--output", output, "table or json")->check(CLI::IsMember({"table", "json"}));
  app.add_flag("--json", as_json, "The same as --output json");
  app.add_option("--port", port, "Port of this machine's server: short for --listen and --url")
      ->check(not_empty);
  app.add_option("--config", file, "Settings file (TOML)")->group("")->check(not_empty);
  Run chosen;
  add_process_commands(app, chosen);
  add_analyze_command(app, chosen);
  add_contradict_command(app, chosen);
  add_eval_command(app, chosen);
  add_calibrate_command(app, chosen);
  add_label_command(app, chosen);
  add_task_commands(app, chosen);
  add_queue_commands(app, chosen);
  add_dead_commands(app, chosen);
  add_resource_commands(app, chosen);
  add_top_command(app, chosen);
  add_model_commands(app, chosen);
  add_key_commands(app, chosen);
  add_audit_commands(app, chosen);
  add_login_commands(app, chosen);
  add_backup_commands(app, chosen);
  add_config_commands(app, chosen);
  add_doctor_command(app, chosen);
  add_logs_command(app, chosen);
  add_about_commands(app, chosen);
  group_commands(app);
  for (const char* name : {"serve", "worker"}) app.get_subcommand(name)->footer(settings_help());
  refuse_empty_values(app);
  for_each_value(app, [](CLI::Option& option) { option.transform(unmarked); });
  try {
    app.parse(marked(argc, argv));
  } catch (const CLI::Success& done) {
    std::ostringstream help;
    const int code = app.exit(done, help, help);
    const std::string text = help.str();
    return print(lines(std::string_view(text).substr(0, text.find_last_not_of('\n') + 1))), code;
  } catch (const CLI::ParseError& error) {
    std::string what = suggestion(app, argc, argv);
    if (what.empty()) what = error.what();
    std::erase(what, kMark);
    const int code = fail({Code::invalid_argument, masked_words(what), "usage"});
    fmt::print(stderr, "See 'medsynth {}--help'.\n",
               app.get_subcommands().empty() ? "" : app.get_subcommands()[0]->get_name() + " ");
    return code;
  }
  if (const auto applied = apply_port(port, flags); !applied) return fail(applied.error());
  if (!file.empty()) flags["config"] = file;
  auto loaded = read_settings(flags);
  if (!loaded) return fail(loaded.error());
  if (const auto checked = check_data_dir(loaded->settings); !checked) return fail(checked.error());
  const std::string process = app.get_subcommands()[0]->get_name();
  log::start(loaded->settings.log_level, loaded->settings.log_format, process);
  const Session session{std::move(*loaded), as_json || output == "json" ? Format::json : Format::table, {}};
  // These two have threads that unwinding would wait for: an exception that nobody expected ends the process.
  return process == "serve" || process == "worker" ? chosen(session) : guarded(chosen, session);
}

}  // namespace

Result<HttpClient> Session::client() const {
  if (!opened) opened = client_of(settings().url);
  return *opened;
}

Result<HttpClient> Session::client_of(std::string_view url) const {
  BOOST_OUTCOME_TRY(auto token, token_for(settings()));
  return client_with(std::move(token), url);
}

Result<HttpClient> Session::client_with(std::string token, std::string_view url) const {
  return HttpClient::open(url, {.token = std::move(token),
                                .ca_file = settings().ca_file,
                                .client_certificate = settings().client_certificate,
                                .client_key = settings().client_key});
}

int run(int argc, char** argv) {
  reserve_standard_streams();
  return after_output(parse_and_run(argc, argv));
}

}  // namespace medsynth::cli
