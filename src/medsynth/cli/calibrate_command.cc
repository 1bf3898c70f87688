// medsynth calibrate FILE: weights of one's own, from one's own labelled pairs. In this process.
#include <filesystem>

#include <fmt/format.h>

#include "medsynth/actors/calibrations.h"
#include "medsynth/base/described.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/local_judge.h"
#include "medsynth/cli/pairs_input.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::cli {
namespace {

using contradiction::Validated;

// Fitted to fewer, weights are seldom better than the built-in ones.
constexpr std::size_t kFewPairs = 200;

struct Options {
  PairsInput input;
  JudgeOptions judge;
  bool dry_run = false, reset = false, yes = false;
};

// Takes the operator's weights away: those that rest on no model, and those on the model that is named.
int reset(const Session& session, const Options& options) {
  const Settings& settings = session.settings();
  std::vector<std::filesystem::path> files{actors::calibration_file(models_dir(settings), {})};
  const bool entailment = options.judge.model.empty();
  const std::string& name = entailment ? options.judge.entailment_model : options.judge.model;
  if (!name.empty()) {
    const auto catalogue = models::Catalogue::read(models_dir(settings), settings.models_catalogue,
                                                   settings.language_model, settings.entailment_model);
    if (!catalogue) return fail(catalogue.error());
    const auto found = catalogue->resolve(name, entailment ? "entailment" : "language");
    if (!found) return fail(found.error());
    files.push_back(actors::calibration_file(models_dir(settings), found->path));
  }
  json::array removed;
  std::error_code error;
  for (const auto& file : files)
    if (std::filesystem::remove(file, error)) removed.emplace_back(file.string());
  if (error)
    return fail(
        {Code::unavailable, fmt::format("cannot remove {}: {}", files[0].string(), error.message()), ""});
  if (removed.empty())
    return fail(
        {Code::not_found,
         fmt::format("there are no weights of yours in {}{}", models_dir(settings).string(),
                     options.judge.model.empty() ? "; those that rest on a model go with --model" : ""),
         "no_calibration"});
  if (session.format == Format::json) return print_json(json::object{{"removed", removed}}), 0;
  print(fmt::format("removed {}; the built-in weights answer again", joined(removed)));
  return 0;
}

// The same figures of the weights that would answer without a calibration.
Result<Validated> built_in_figures(const InputPairs& input, const LocalJudge& judge) {
  std::vector<double> scores;
  const auto labels = std::make_unique<bool[]>(input.pairs.size());
  for (const contradiction::LabelledPair& pair : input.pairs) {
    jobs::DetectContradiction asked;
    asked.claim1 = pair.claim1;
    asked.claim2 = pair.claim2;
    BOOST_OUTCOME_TRY(const auto result, judge.with(contradiction::built_in_combination(), asked));
    labels[scores.size()] = pair.label == contradiction::Label::contradiction;
    scores.push_back(result.contradiction_score);
  }
  return contradiction::validate(scores, {labels.get(), scores.size()});
}

Row row_of(const std::string& name, const Validated& figures) {
  return {name, fmt::format("{:.3f}", figures.accuracy), fmt::format("{:.3f}", figures.auroc),
          fmt::format("{:.3f}", figures.ece), fmt::format("{:.3f}", figures.log_loss)};
}

int calibrate(const Session& session, const Options& options) {
  if (options.reset) return reset(session, options);
  const auto pairs = read_input(options.input, session.settings());
  if (!pairs) return fail(pairs.error());
  const auto judge = LocalJudge::open(session.settings(), options.judge);
  if (!judge) return fail(judge.error());
  const auto calibration = [&] {
    ProgressLine line;
    return contradiction::calibrate(
        pairs->pairs,
        [&](const auto& pair) { return judge->with(contradiction::probing_combination(), pair); },
        pairs->sha256, [&](double part) { line.show("judging pairs", part * 100); });
  }();
  if (!calibration) return fail(calibration.error());
  const auto before = built_in_figures(*pairs, *judge);
  if (!before) return fail(before.error());
  if (session.format == Format::table)
    print(table({{"WEIGHTS"}, {"ACCURACY", true}, {"AUROC", true}, {"ECE", true}, {"LOG LOSS", true}},
                {row_of("built-in", *before), row_of("yours, cross-validated", calibration->validated)}));
  const auto file = judge->calibration_file(*calibration);
  if (!options.dry_run) {
    const std::string question = fmt::format(
        "These are {} pairs; weights that are fitted to fewer than {} are seldom better than the "
        "built-in ones. Keep them?",
        pairs->pairs.size(), kFewPairs);
    if (const auto sure = confirm(question, options.yes || pairs->pairs.size() >= kFewPairs); !sure)
      return fail(sure.error());
    if (auto written = actors::write_calibration(file, *calibration); !written) return fail(written.error());
  }
  if (session.format == Format::json) {
    json::object out = described::to_value(*calibration).get_object();
    out["built_in"] = described::to_value(*before);
    out["file"] = options.dry_run ? json::value() : json::value(file.string());
    print_json(out);
    return 0;
  }
  if (options.dry_run) return print("Nothing was kept."), 0;
  print(fmt::format(
      "Fitted to {} pairs and kept in {}. It answers from now on; 'medsynth calibrate --reset' goes back.",
      calibration->combination.trained_on.pairs, file.string()));
  return 0;
}

}  // namespace

void add_calibrate_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, chosen, "calibrate",
                  "Fits the combination of the methods to your labelled pairs (needs no server)",
                  [=](const Session& session) { return calibrate(session, *options); });
  add_input_options(*command, options->input);
  add_judge_options(*command, options->judge);
  command->add_flag("--dry-run", options->dry_run, "Show what would change, and keep nothing");
  command->add_flag("--yes", options->yes, "Keep weights that are fitted to few pairs without asking");
  command
      ->add_flag(
          "--reset", options->reset,
          "Take your weights away, so that the built-in ones answer again (with --model: that model's, too)")
      ->excludes("FILE");
}

}  // namespace medsynth::cli
