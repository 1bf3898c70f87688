// medsynth audit show | verify: the audit log of this machine's server
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/api/audit_file.h"
#include "medsynth/base/clock.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/time_option.h"

namespace medsynth::cli {
namespace {

struct Options {
  std::string file, since, key, last;
  std::size_t limit = 100;
};

Result<std::filesystem::path> file_of(const Session& session, const Options& options) {
  if (!options.file.empty()) return std::filesystem::path(options.file);
  auto path = api::audit_file(session.settings()).path;
  if (path.empty())
    return Error{Code::not_found, "MEDSYNTH_AUDIT_LOG is off, so nothing is recorded: name a FILE",
                 "no_audit_log"};
  return path;
}

std::string who(const api::AuditEntry& entry) {
  if (!entry.name.empty()) return entry.name;
  return entry.key.empty() ? "-" : entry.key;
}

std::string outcome(const api::AuditEntry& entry) {
  if (entry.status == 0) return "-";
  return entry.code.empty() ? std::to_string(entry.status) : fmt::format("{} {}", entry.status, entry.code);
}

int show(const Session& session, const Options& options) {
  const auto file = file_of(session, options);
  if (!file) return fail(file.error());
  std::optional<WallTime> since;
  if (!options.since.empty()) {
    const auto time = time_of(options.since, "--since");
    if (!time) return fail(time.error());
    since = *time;
  }
  std::deque<api::AuditEntry> entries;
  bool is_cut = false;
  const auto read = api::read_audit(
      *file,
      [&](std::string_view line, const std::string&) {
        auto entry = api::read_audit_line(line);
        if (!entry) return;
        const auto time = parse_rfc3339(entry->time);
        if (since && (!time || *time < *since)) return;
        if (!options.key.empty() && options.key != entry->name && options.key != entry->key) return;
        entries.push_back(std::move(*entry));
        if (entries.size() > options.limit) entries.pop_front();
      },
      is_cut);
  if (!read) return fail(read.error());
  json::array all;
  std::vector<Row> rows;
  for (const api::AuditEntry& each : entries) {
    all.push_back(described::to_value(each));
    rows.push_back({std::to_string(each.number), each.time, who(each), each.from, each.action,
                    each.target.empty() ? each.detail : each.target, outcome(each)});
  }
  if (session.format == Format::json) return print_json(json::object{{"entries", std::move(all)}}), 0;
  print(table({{"NUMBER", true}, {"TIME"}, {"KEY"}, {"FROM"}, {"ACTION"}, {"OF", false, true}, {"OUTCOME"}},
              rows));
  return 0;
}

int verify(const Session& session, const Options& options) {
  const auto file = file_of(session, options);
  if (!file) return fail(file.error());
  const auto check = api::verify_audit(*file, options.last);
  if (!check) return fail(check.error());
  const bool intact = check->breaks().empty();
  if (session.format == Format::json) {
    json::array breaks;
    for (const auto& each : check->breaks()) breaks.push_back({{"where", each.where}, {"what", each.what}});
    print_json({{"intact", intact},
                {"entries", check->entries()},
                {"first", check->first()},
                {"last", {{"number", check->last().number}, {"hash", check->last().hash}}},
                {"cut", check->cut()},
                {"breaks", std::move(breaks)}});
    return intact ? 0 : 1;
  }
  print(fmt::format("{}: {} entries, {} to {}; the last has the hash {}", file->string(), check->entries(),
                    check->first(), check->last().number, check->last().hash));
  if (check->first() > 1) print("What was before the first of them is not here.");
  if (check->cut() > 0)
    print(fmt::format("{} lines were cut off when a process or the machine ended; they are marked.",
                      check->cut()));
  if (intact) return print("Nothing was changed or removed in between."), 0;
  std::vector<Row> rows;
  for (const auto& each : check->breaks()) rows.push_back({each.where, each.what});
  print(table({{"WHERE"}, {"WHAT"}}, rows));
  return 1;
}

}  // namespace

void add_audit_commands(CLI::App& app, Run& chosen) {
  CLI::App* audit = app.add_subcommand("audit", "What was changed and refused, and by whom: show, verify");
  audit->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  {
    CLI::App* command = add_command(*audit, chosen, "show", "The last entries of the audit log",
                                    [=](const Session& session) { return show(session, *options); });
    command->add_option("FILE", options->file, "The log (that of MEDSYNTH_AUDIT_LOG)");
    command->add_option("--since", options->since, "From then on: 12h, 7d, 2027-01-31T00:00:00Z");
    command->add_option("--key", options->key, "Of this key, by its name or id");
    command->add_option("--limit", options->limit, "At most so many, the last ones")
        ->capture_default_str()
        ->check(CLI::Range(1, 1'000'000));
  }
  {
    CLI::App* command =
        add_command(*audit, chosen, "verify", "Was the log changed or cut? Exit code 1: it was",
                    [=](const Session& session) { return verify(session, *options); });
    command->add_option("FILE", options->file, "The log (that of MEDSYNTH_AUDIT_LOG)");
    command->add_option(
        "--last", options->last,
        "The hash of a line that must be there: what an earlier 'verify' called the last one");
  }
}

}  // namespace medsynth::cli
