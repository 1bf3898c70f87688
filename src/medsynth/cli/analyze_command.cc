// medsynth analyze FILE...: exports of references in, what they disagree on out.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/id.h"
#include "medsynth/base/stored.h"
#include "medsynth/cli/analysis_text.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/local_server.h"
#include "medsynth/cli/output_file.h"
#include "medsynth/cli/task_wait.h"
#include "medsynth/references/references.h"
#include "medsynth/references/report.h"

namespace medsynth::cli {
namespace {

using references::Analysis;
using references::Selection;

struct Options {
  std::vector<std::string> files, columns;
  std::string html, csv, ris, question, task;
  double threshold = 0.7, timeout = 3600;
  std::optional<double> budget;  // seconds
  std::string entailment_model;
  bool no_wait = false, exit_code = false, local = false;

  bool writes_files() const { return !html.empty() || !csv.empty() || !ris.empty(); }
};

constexpr std::size_t kMaxWarnings = 10;

void note(const Text& line) {
  fmt::print(stderr, "{}\n", line.str());
}

Result<std::string> bytes_of(const std::string& file) {
  std::stringstream bytes;
  if (file == "-") {
    bytes << std::cin.rdbuf();
  } else {
    std::ifstream in(file, std::ios::binary);
    if (!in)
      return invalid("FILE",
                     fmt::format("'{}' cannot be read: {}", file, std::generic_category().message(errno)));
    bytes << in.rdbuf();
  }
  return std::move(bytes).str();
}

// "abstract=Kurzfassung"
Result<std::map<std::string, std::string>> columns_of(const std::vector<std::string>& words) {
  std::map<std::string, std::string> columns;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      return invalid("--column", "write what it is and its name in the file: --column abstract=Kurzfassung");
    columns[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return columns;
}

void say_what_was_read(const std::string& path, const references::Source& source) {
  note(fmt::format("{}: {} references ({})", path, source.references, source.format));
  for (std::size_t i = 0; i < std::min(source.warnings.size(), kMaxWarnings); ++i) {
    const references::Warning& each = source.warnings[i];
    const std::string where = each.file.empty() ? path : path + ":" + each.file;
    note(each.line > 0 ? fmt::format("  {}:{}: {}", where, each.line, each.detail)
                       : fmt::format("  {}: {}", where, each.detail));
  }
  if (source.warnings.size() > kMaxWarnings)
    note(fmt::format("  and {} more warnings", source.warnings.size() - kMaxWarnings));
}

void say_what_there_is(const Analysis& analysis) {
  const auto count = [&](auto is) {
    return std::count_if(analysis.references.begin(), analysis.references.end(), is);
  };
  const std::size_t articles = analysis.references.size(), duplicates = analysis.duplicates.size();
  note(fmt::format("{} article{}: {} duplicate{} joined, {} without an abstract, {} retracted", articles,
                   articles == 1 ? "" : "s", duplicates, duplicates == 1 ? "" : "s",
                   count([](const auto& each) { return each.abstract.empty(); }),
                   count([](const auto& each) { return each.retracted; })));
}

// All files together, duplicates joined; says on stderr what was read and what was not.
Result<Analysis> read_files(const Options& options) {
  references::ReadOptions how;
  BOOST_OUTCOME_TRY(how.columns, columns_of(options.columns));
  Analysis analysis;
  std::vector<references::Reference> all;
  for (const std::string& file : options.files) {
    BOOST_OUTCOME_TRY(const auto bytes, bytes_of(file));
    const std::string name = file == "-" ? "standard input" : file;
    auto read = [&] {
      ProgressLine line;
      line.show("reading " + name);
      return references::read(bytes, how);
    }();
    if (!read) {
      Error error = read.error();
      error.message = fmt::format("{}: {}", name, error.message);
      return error;
    }
    analysis.sources.push_back({.name = std::filesystem::path(name).filename().string(),
                                .format = std::string(described::enum_name(read->formats.front())),
                                .sha256 = sha256_hex(bytes),
                                .bytes = bytes.size(),
                                .references = read->references.size(),
                                .warnings = std::move(read->warnings)});
    say_what_was_read(name, analysis.sources.back());
    std::move(read->references.begin(), read->references.end(), std::back_inserter(all));
  }
  auto joined = references::join_duplicates(std::move(all));
  analysis.references = std::move(joined.references);
  analysis.duplicates = std::move(joined.duplicates);
  analysis.articles = references::articles_of(analysis.references);
  say_what_there_is(analysis);
  return analysis;
}

// How to go on after Ctrl-C.
std::string way_on(const Options& options, bool own, const std::string& task_id) {
  if (options.local) return "Nothing is kept of what --local does: run the command again.";
  const std::string again =
      fmt::format("medsynth analyze --task {} with the same files and options shows its result", task_id);
  return own ? "The task waits for a server: run medsynth serve, then " + again
             : fmt::format("The task goes on: {} (medsynth tasks cancel {} stops it)", again, task_id);
}

// What is said about how it came to be, beside what the result says itself.
references::Provenance provenance_of(const Options& options, const json::object& task) {
  references::Provenance out{.version = MEDSYNTH_VERSION,
                             .task_id = cell(task, "task_id"),
                             .created_at = rfc3339(system_clock().now()),
                             .settings = {}};
  out.settings.emplace_back("Analysed at", cell(task, "completed_at"));
  if (!options.columns.empty())
    out.settings.emplace_back("Columns named", fmt::format("{}", fmt::join(options.columns, " ")));
  if (!options.question.empty()) out.settings.emplace_back("Questions shown", options.question);
  return out;
}

// The record of the task: a new one, or the one that --task names.
Result<json::object> task_of(const Session& session, const Options& options, const Analysis& analysis) {
  std::unique_ptr<LocalServer> server;
  if (options.local) {
    BOOST_OUTCOME_TRY(server, LocalServer::start(session.loaded, LocalServer::Data::nowhere));
  } else if (!options.no_wait) {
    BOOST_OUTCOME_TRY(server, LocalServer::where_none_runs(session));
  }
  BOOST_OUTCOME_TRY(const auto client, server ? session.client_of(server->url()) : session.client());
  std::string task_id = options.task;
  if (task_id.empty()) {
    json::object body{{"articles", described::to_value(analysis.articles)}, {"threshold", options.threshold}};
    if (options.budget) body["budget_seconds"] = *options.budget;
    if (!options.entailment_model.empty()) body["entailment_model"] = options.entailment_model;
    BOOST_OUTCOME_TRY(auto submitted, submit_task(client, "/v1/async-ml/contradiction/analyze", body));
    if (options.no_wait) return submitted;
    task_id = cell(submitted, "task_id");
  }
  return ended_task(client, task_id, options.timeout, way_on(options, server != nullptr, task_id));
}

Result<> write_files(const Options& options, const Analysis& analysis, const Selection& shown) {
  const auto write = [](const std::string& path, auto make) -> Result<> {
    if (path.empty()) return success();
    BOOST_OUTCOME_TRY(write_output_file(path, make()));
    note(fmt::format("written: {}", path));
    return success();
  };
  BOOST_OUTCOME_TRY(write(options.html, [&] { return references::html_report(analysis, shown); }));
  BOOST_OUTCOME_TRY(write(options.csv, [&] { return references::csv_report(analysis, shown); }));
  return write(options.ris, [&] { return references::write_ris(references::involved(analysis, shown)); });
}

// What it found in other articles would be reported with the wrong ones.
bool is_of(const jobs::ArticlesResult& result, const std::vector<references::Article>& articles) {
  std::set<std::string_view> ids;
  for (const references::Article& each : articles) ids.insert(each.id);
  return result.total_articles == static_cast<std::int64_t>(articles.size()) &&
         std::all_of(result.articles.begin(), result.articles.end(),
                     [&](const jobs::ArticleInfo& each) { return ids.count(each.article_id) > 0; });
}

Result<> take_result(const json::object& task, Analysis& analysis) {
  BOOST_OUTCOME_TRY(const auto result, result_of(task));
  std::vector<Fault> faults;
  analysis.result = described::from_stored<jobs::ArticlesResult>(result, faults);
  if (is_of(analysis.result, analysis.articles)) return success();
  return invalid(
      "--task", fmt::format("task {} is about other articles ({}, and here are {}): name the files that it "
                            "was made from",
                            cell(task, "task_id"), analysis.result.total_articles, analysis.articles.size()));
}

Result<> check_options(const Options& options) {
  for (const auto& [flag, path] :
       {std::pair("--html", &options.html), {"--csv", &options.csv}, {"--ris", &options.ris}})
    if (!path->empty()) {
      BOOST_OUTCOME_TRY(check_output_file(flag, *path));
    }
  if (!options.task.empty()) {
    BOOST_OUTCOME_TRY(check_name("--task", options.task));
  }
  if (options.no_wait && options.writes_files())
    return invalid("--no-wait",
                   "leaves before there is anything to write: use --task ID later for the files");
  if (options.no_wait && options.local)
    return invalid("--no-wait", "cannot go with --local, whose server ends with this command");
  return success();
}

Result<int> analyze(const Session& session, const Options& options) {
  BOOST_OUTCOME_TRY(check_options(options));
  BOOST_OUTCOME_TRY(auto analysis, read_files(options));
  BOOST_OUTCOME_TRY(const auto task, task_of(session, options, analysis));
  const bool as_json = session.format == Format::json;
  if (as_json) print_json(task);
  if (options.no_wait) {
    if (!as_json) print(cell(task, "task_id"));
    return 0;
  }
  BOOST_OUTCOME_TRY(take_result(task, analysis));
  analysis.provenance = provenance_of(options, task);
  const Selection shown = references::select(analysis.result, options.question);
  if (!options.question.empty() && shown.questions.empty() && shown.pairs.empty())
    note(fmt::format("no question has the words '{}'; without --question all are shown", options.question));
  BOOST_OUTCOME_TRY(write_files(options, analysis, shown));
  if (!as_json) print(analysis_text(analysis, shown, options.html.empty()));
  return options.exit_code && !shown.pairs.empty() ? 1 : 0;
}

}  // namespace

void add_analyze_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, chosen, "analyze",
                  "What do these articles disagree on? Reads exports of PubMed, Zotero, EndNote, Embase, ...",
                  [=](const Session& session) {
                    const auto code = analyze(session, *options);
                    return code ? *code : fail(code.error());
                  });
  command
      ->add_option(
          "FILE", options->files,
          "RIS, NBIB, PubMed XML, JATS, EndNote, BibTeX, CSV, JSON; gzip and zip; - is standard input")
      ->required();
  command->add_option("--html", options->html, "Write a report: one page, which needs no network");
  command->add_option("--csv", options->csv, "Write the pairs as a table");
  command->add_option("--ris", options->ris, "Write the articles that disagree, to be imported again");
  command->add_option("--question", options->question,
                      "Only questions with all of these words: \"statin stroke\"");
  command->add_option("--threshold", options->threshold, "Score from which contradictions are listed (0.7)")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--budget", options->budget,
                   "Time that models may be asked, as 60, 60s or 5m; they take as long as they need without")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}}))
      ->check(CLI::NonNegativeNumber);
  command->add_option("--entailment-model", options->entailment_model,
                      "Entailment model that reads the strongest candidates, of 'medsynth models list'");
  command->add_option("--column", options->columns,
                      "A column's name where it is unusual: abstract=Kurzfassung (may be repeated)");
  command->add_flag("--exit-code", options->exit_code, "Exit code 1 when there is a contradiction");
  command->add_flag("--local", options->local,
                    "In a server for this command alone, of which nothing is kept, even where one runs");
  command->add_option("--task", options->task,
                      "Show the result of this task, submitted before from these files");
  command->add_flag("--no-wait", options->no_wait, "Print the task's id and leave");
  command->add_option("--timeout", options->timeout, "Seconds to wait (3600)")->check(CLI::PositiveNumber);
}

}  // namespace medsynth::cli
