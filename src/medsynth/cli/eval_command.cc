// medsynth eval FILE: how good are the verdicts on labelled pairs? In this process, without a server.

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/described.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/local_judge.h"
#include "medsynth/cli/pairs_input.h"
#include "medsynth/contradiction/evaluate.h"

namespace medsynth::cli {
namespace {

using contradiction::Evaluation;
using contradiction::Metrics;

struct Options {
  PairsInput input;
  JudgeOptions judge;
  bool errors = false;
};

std::string figure(std::optional<double> value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

Row row_of(const std::string& name, const Metrics& metrics) {
  return {name,
          std::to_string(metrics.pairs),
          figure(metrics.accuracy),
          figure(metrics.precision),
          figure(metrics.recall),
          figure(metrics.macro_f1),
          figure(metrics.auroc),
          figure(metrics.ece),
          figure(metrics.swap_consistency),
          figure(metrics.coverage),
          figure(metrics.accuracy_covered)};
}

std::vector<Column> columns(std::string first) {
  std::vector<Column> out{{std::move(first)}};
  for (const char* title : {"PAIRS", "ACCURACY", "PRECISION", "RECALL", "MACRO-F1", "AUROC", "ECE", "SWAP",
                            "COVERAGE", "ACC. COVERED"})
    out.push_back({title, true});
  return out;
}

void print_tables(const Evaluation& evaluation) {
  std::vector<Row> rows{row_of("together", evaluation)};
  if (evaluation.built_in) rows.push_back(row_of("together, built-in weights", *evaluation.built_in));
  for (const auto& [method, metrics] : evaluation.methods) rows.push_back(row_of(method, metrics));
  print(table(columns("METHOD"), rows));
  if (evaluation.categories.empty()) return;
  rows.clear();
  for (const auto& [category, metrics] : evaluation.categories) rows.push_back(row_of(category, metrics));
  print("");
  print(table(columns("CATEGORY"), rows));
}

void print_errors(const Evaluation& evaluation) {
  for (const contradiction::WrongPair& each : evaluation.errors) {
    print("");
    print(fmt::format("{}{}: labelled {}, score {:.2f}, verdict {}", each.id.empty() ? "a pair" : each.id,
                      each.category.empty() ? "" : fmt::format(" ({})", each.category),
                      described::enum_name(each.label), each.score, described::enum_name(each.verdict)));
    print("  1: " + each.claim1);
    print("  2: " + each.claim2);
    print("  " + each.explanation);
  }
}

int eval(const Session& session, const Options& options) {
  const auto pairs = read_input(options.input, session.settings());
  if (!pairs) return fail(pairs.error());
  const auto judge = LocalJudge::open(session.settings(), options.judge);
  if (!judge) return fail(judge.error());
  const SteadyTime start = system_clock().steady();
  const auto measured = [&](const contradiction::Judge& with) {
    ProgressLine line;
    return contradiction::evaluate(pairs->pairs, with,
                                   [&](double part) { line.show("judging pairs", part * 100); });
  };
  auto evaluation = measured([&](const auto& pair) { return (*judge)(pair); });
  if (!evaluation) return fail(evaluation.error());
  if (judge->calibration()) {
    const auto before =
        measured([&](const auto& pair) { return judge->with(contradiction::built_in_combination(), pair); });
    if (!before) return fail(before.error());
    evaluation->built_in = *before;
  }
  std::erase_if(evaluation->methods, [&](const auto& each) { return !judge->shows(each.first); });
  if (session.format == Format::table) {
    print_tables(*evaluation);
    if (options.errors) print_errors(*evaluation);
    return 0;
  }
  json::object out = described::to_value(*evaluation).get_object();
  out["format"] = options.input.format;
  out["data"] = json::object{{"file", options.input.file}, {"sha256", pairs->sha256}};
  if (options.errors) out["errors"] = described::to_value(evaluation->errors);
  out["models"] = described::to_value(judge->models());
  const contradiction::Combination& answered =
      judge->calibration() ? judge->calibration()->combination : contradiction::built_in_combination();
  out["calibration"] = json::object{{"own", judge->calibration() != nullptr},
                                    {"trained_on", described::to_value(answered.trained_on)}};
  out["duration"] = std::chrono::duration<double>(system_clock().steady() - start).count();
  print_json(out);
  return 0;
}

}  // namespace

void add_eval_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, chosen, "eval", "Measures the verdicts on a file of labelled pairs (needs no server)",
                  [=](const Session& session) { return eval(session, *options); });
  add_input_options(*command, options->input);
  add_judge_options(*command, options->judge);
  command->add_flag("--errors", options->errors,
                    "Also the pairs that are on the wrong side of one half, with the reason that was given");
  command->footer(
      "Every pair is answered for accuracy, precision, recall and F1: a score above one half says\n"
      "contradiction. COVERAGE is the share of pairs outside the uncertain band, ACC. COVERED the accuracy\n"
      "of those; SWAP the share of pairs with exactly the same score both ways round.");
}

}  // namespace medsynth::cli
