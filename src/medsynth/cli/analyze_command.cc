// medsynth analyze FILE...: exports of references in, what they disagree on out.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/task_wait.h"
#include "medsynth/references/references.h"

namespace medsynth::cli {
namespace {

struct Options {
  std::vector<std::string> files, columns;
  double threshold = 0.7, timeout = 3600;
  bool no_wait = false, exit_code = false;
};

constexpr std::size_t kMaxWarnings = 10, kMaxQuestions = 20, kTitle = 56, kQuote = 400;

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

// All files together, duplicates joined; says on stderr what was read and what was not.
Result<std::vector<references::Reference>> read_files(const Options& options) {
  references::ReadOptions how;
  BOOST_OUTCOME_TRY(how.columns, columns_of(options.columns));
  std::vector<references::Reference> all;
  for (const std::string& file : options.files) {
    BOOST_OUTCOME_TRY(const auto bytes, bytes_of(file));
    auto read = references::read(bytes, how);
    if (!read) {
      Error error = read.error();
      error.message = fmt::format("{}: {}", file == "-" ? "standard input" : file, error.message);
      return error;
    }
    note(fmt::format("{}: {} references ({})", file == "-" ? "standard input" : file, read->references.size(),
                     described::enum_name(read->formats.front())));
    for (std::size_t i = 0; i < std::min(read->warnings.size(), kMaxWarnings); ++i) {
      const references::Warning& each = read->warnings[i];
      const std::string where = each.file.empty() ? file : file + ":" + each.file;
      note(each.line > 0 ? fmt::format("  {}:{}: {}", where, each.line, each.detail)
                         : fmt::format("  {}: {}", where, each.detail));
    }
    if (read->warnings.size() > kMaxWarnings)
      note(fmt::format("  and {} more warnings", read->warnings.size() - kMaxWarnings));
    std::move(read->references.begin(), read->references.end(), std::back_inserter(all));
  }
  auto joined = references::join_duplicates(std::move(all));
  const auto count = [&](auto is) {
    return std::count_if(joined.references.begin(), joined.references.end(), is);
  };
  const auto without = count([](const auto& each) { return each.abstract.empty(); });
  const auto retracted = count([](const auto& each) { return each.retracted; });
  note(fmt::format("{} articles: {} duplicates joined, {} without an abstract, {} retracted",
                   joined.references.size(), joined.duplicates.size(), without, retracted));
  return std::move(joined.references);
}

// What an article is called in the result: the most telling of its names, once.
std::string name_of(const references::Reference& each, std::size_t index, std::set<std::string>& taken) {
  for (const std::string& name : {each.doi, each.pmid.empty() ? "" : "pmid:" + each.pmid, each.id})
    if (!name.empty() && name.size() <= 200 && taken.insert(name).second) return name;
  std::string name = fmt::format("reference-{}", index + 1);
  taken.insert(name);
  return name;
}

json::object article_of(const references::Reference& each, std::string name) {
  json::object article{{"id", std::move(name)}, {"title", each.title}, {"abstract", each.abstract}};
  if (!each.pmid.empty()) article["pmid"] = each.pmid;
  if (!each.doi.empty()) article["doi"] = each.doi;
  if (each.year) article["year"] = *each.year;
  if (!each.journal.empty()) article["journal"] = each.journal;
  if (!each.authors.empty()) article["authors"] = json::array(each.authors.begin(), each.authors.end());
  if (!each.publication_types.empty())
    article["publication_types"] = json::array(each.publication_types.begin(), each.publication_types.end());
  if (!each.language.empty()) article["language"] = each.language;
  if (each.retracted) article["retracted"] = true;
  return article;
}

const json::array& list(const json::object& object, std::string_view name) {
  static const json::array none;
  const json::value* found = object.if_contains(name);
  return found && found->is_array() ? found->get_array() : none;
}

Text question_table(const json::object& result) {
  std::vector<Row> rows;
  for (const json::value& each : list(result, "questions")) {
    if (rows.size() == kMaxQuestions || !each.is_object()) break;
    const json::object& question = each.get_object();
    rows.push_back(
        {shortened(fmt::format("{} - {}", cell(question, "exposure"), cell(question, "outcome")), 38),
         cell(question, "articles"), cell(question, "more"), cell(question, "less"),
         cell(question, "no_difference"), cell(question, "contradictions")});
  }
  return table(
      {{"QUESTION"}, {"ARTICLES", true}, {"MORE", true}, {"LESS", true}, {"SAME", true}, {"DISAGREE", true}},
      rows);
}

// One side: who says it, and the sentence.
Text side(const json::object& claim, const json::object& result) {
  const std::string id = cell(claim, "article_id");
  std::string year, withdrawn;
  for (const json::value& each : list(result, "articles")) {
    if (!each.is_object() || cell(each.get_object(), "article_id") != id) continue;
    if (const std::string known = cell(each.get_object(), "year"); known != "-") year = ", " + known;
    if (cell(each.get_object(), "retracted") == "true") withdrawn = " [RETRACTED]";
  }
  Text out = fmt::format("  {}{}{} ({})", shortened(cell(claim, "title"), kTitle), year, withdrawn, id);
  return out.add_line(fmt::format("    \"{}\"", shortened(cell(claim, "claim"), kQuote)));
}

Text report(const json::object& result) {
  const json::array& found = list(result, "contradictions");
  Text out = fmt::format("{} articles, {} findings, {} pairs compared, {} contradictions at {} or more",
                         cell(result, "total_articles"), cell(result, "total_findings"),
                         cell(result, "pairs_compared"), found.size(), cell(result, "threshold"));
  if (!list(result, "questions").empty()) out.add_line("").add_line(question_table(result));
  for (const json::value& each : found) {
    const json::object& pair = each.as_object();
    out.add_line("").add_line(bold(fmt::format("{:.2f} {} confidence", number(pair, "contradiction_score"),
                                               cell(pair, "confidence"))) +
                              Text("  " + cell(pair, "explanation")));
    out.add_line(side(pair.at("claim1").as_object(), result));
    out.add_line(side(pair.at("claim2").as_object(), result));
  }
  for (const json::value& each : list(result, "warnings")) out.add_line("").add_line("Note: " + plain(each));
  return out;
}

int analyze(const Session& session, const Options& options) {
  const auto client = session.client();
  if (!client) return fail(client.error());
  const auto read = read_files(options);
  if (!read) return fail(read.error());
  json::array articles;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < read->size(); ++i)
    articles.push_back(article_of((*read)[i], name_of((*read)[i], i, taken)));
  const json::object body{{"articles", std::move(articles)}, {"threshold", options.threshold}};
  return run_task(session, *client, "/v1/async-ml/contradiction/analyze", body, options.no_wait,
                  options.timeout, [&](const json::object& result) {
                    if (session.format == Format::table) print(report(result));
                    return options.exit_code && !list(result, "contradictions").empty() ? 1 : 0;
                  });
}

}  // namespace

void add_analyze_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, chosen, "analyze",
                  "What do these articles disagree on? Reads exports of PubMed, Zotero, EndNote, Embase, ...",
                  [=](const Session& session) { return analyze(session, *options); });
  command
      ->add_option(
          "FILE", options->files,
          "RIS, NBIB, PubMed XML, JATS, EndNote, BibTeX, CSV, JSON; gzip and zip; - is standard input")
      ->required();
  command->add_option("--column", options->columns,
                      "A column's name where it is unusual: abstract=Kurzfassung (may be repeated)");
  command->add_option("--threshold", options->threshold, "Score from which contradictions are listed (0.7)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--exit-code", options->exit_code, "Exit code 1 when there is a contradiction");
  command->add_flag("--no-wait", options->no_wait, "Print the task's id and leave");
  command->add_option("--timeout", options->timeout, "Seconds to wait (3600)")->check(CLI::PositiveNumber);
}

}  // namespace medsynth::cli
