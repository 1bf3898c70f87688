// medsynth calibrate FILE: weights of one's own, from one's own labelled pairs. In this process.
#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/local_judge.h"
#include "medsynth/cli/pairs_input.h"
#include "medsynth/worker/calibrations.h"

namespace medsynth::cli {
namespace {

using contradiction::Validated;

struct Options {
  PairsInput input;
  JudgeOptions judge;
};

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
  const auto file = judge->calibration_file(*calibration);
  if (auto written = worker::write_calibration(file, *calibration); !written) return fail(written.error());
  if (session.format == Format::json) {
    json::object out = described::to_value(*calibration).get_object();
    out["built_in"] = described::to_value(*before);
    out["file"] = file.string();
    print_json(out);
    return 0;
  }
  print(table({{"WEIGHTS"}, {"ACCURACY", true}, {"AUROC", true}, {"ECE", true}, {"LOG LOSS", true}},
              {row_of("built-in", *before), row_of("yours, cross-validated", calibration->validated)}));
  print(fmt::format("Fitted to {} pairs and kept in {}. It answers from now on; remove the file to go back.",
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
}

}  // namespace medsynth::cli
