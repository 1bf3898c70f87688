// medsynth config show | reference
#include <algorithm>

#include <fmt/format.h>

#include "medsynth/cli/app.h"

namespace medsynth::cli {
namespace {

int show_config(const Session& session, bool with_origin) {
  json::object values;
  std::vector<Row> rows;
  for (const Setting& setting : settings_table()) {
    const std::string value = shown(session.settings(), setting);
    const auto origin = origin_name(session.loaded.origins.find(setting.name)->second);
    rows.push_back({std::string(setting.name),
                    value + (setting.unit.empty() ? "" : fmt::format(" {}", setting.unit)),
                    std::string(origin), std::string(setting.environment)});
    values[setting.name] = {{"value", value},
                            {"unit", setting.unit},
                            {"origin", origin},
                            {"environment", setting.environment},
                            {"help", setting.help}};
  }
  if (session.format == Format::json) return print_json(values), 0;
  std::vector<Column> columns{{"SETTING"}, {"VALUE"}, {"ORIGIN"}, {"ENVIRONMENT"}};
  if (!with_origin) {
    columns.resize(2);
    for (auto& row : rows) row.resize(2);
  }
  print(table(columns, rows));
  return 0;
}

// docs/settings.md is this text; a test compares them.
int show_reference(const Session&) {
  const Settings defaults;
  std::string page =
      "# Settings\n\nMade by `medsynth config reference`. Flag > environment > file > default; the file is "
      "`$XDG_CONFIG_HOME/medsynth/medsynth.toml` (or `--config FILE`), its keys are the names below. "
      "`medsynth config show --origin` "
      "says where each value in force comes from. Settings marked *live* change while running (`medsynth "
      "limits set`).\n\n"
      "| name | environment | default | allowed | meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : settings_table()) {
    std::string allowed(setting.choices);
    std::replace(allowed.begin(), allowed.end(), '|', ' ');
    const std::string value = shown(defaults, setting);
    page += fmt::format(
        "| `{}` | `{}` | {} | {} | {}{} |\n", setting.name, setting.environment,
        value.empty() ? "" : fmt::format("`{}`{}{}", value, setting.unit.empty() ? "" : " ", setting.unit),
        allowed, setting.help, setting.live ? " (*live*)" : "");
  }
  page.pop_back();
  print(lines(page));
  return 0;
}

}  // namespace

void add_config_commands(CLI::App& app, Run& chosen) {
  CLI::App* config = app.add_subcommand("config", "Settings, and where each comes from");
  config->require_subcommand(1);
  auto origin = std::make_shared<bool>(false);
  add_command(*config, chosen, "show", "Every setting in force", [=](const Session& session) {
    return show_config(session, *origin);
  })->add_flag("--origin", *origin, "Where each value comes from");
  add_command(*config, chosen, "reference", "The page of all settings, as Markdown", show_reference);
}

}  // namespace medsynth::cli
