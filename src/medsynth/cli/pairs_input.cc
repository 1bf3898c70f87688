#include "medsynth/cli/pairs_input.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fmt/format.h>

#include "medsynth/api/label_file.h"
#include "medsynth/base/described.h"
#include "medsynth/base/id.h"
#include "medsynth/base/paths.h"

namespace medsynth::cli {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_all(const fs::path& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  if (!file || fs::is_directory(path, error))
    return Error{Code::not_found, fmt::format("{} cannot be read", path.string()), "no_file"};
  text << file.rdbuf();
  return text.str();
}

}  // namespace

void add_input_options(CLI::App& command, PairsInput& input) {
  command.add_option("FILE", input.file,
                     "Labelled pairs (those that 'medsynth label' kept); -: standard input");
  std::vector<std::string> formats;
  for (const std::string_view each : described::enum_names<contradiction::Format>())
    formats.emplace_back(each);
  command
      .add_option("--format", input.format,
                  "jsonl: {claim1, claim2, label: contradiction|no_contradiction, id?, category?} a line; "
                  "healthver, nli4ct: those data sets' own files")
      ->check(CLI::IsMember(formats));
  command.add_option("--trials", input.trials,
                     "nli4ct: folder of the trial reports ('CT json' beside the file)");
}

void add_judge_options(CLI::App& command, JudgeOptions& options) {
  command
      .add_option("--methods", options.methods,
                  "Only these, at commas; language_model and entailment load a model, none is loaded else")
      ->delimiter(',');
  command.add_option("--model", options.model, "Language model of the catalogue; used when it is named");
  command.add_option("--entailment-model", options.entailment_model,
                     "Entailment model of the catalogue; used when it is named");
}

Result<InputPairs> read_input(const PairsInput& input, const Settings& settings) {
  const fs::path file = input.file.empty() ? api::label_file(data_dir(settings)) : fs::path(input.file);
  BOOST_OUTCOME_TRY(const std::string text, read_all(file));
  const fs::path trials = input.trials.empty() ? file.parent_path() / "CT json" : fs::path(input.trials);
  const auto trial = [&](const std::string& id) -> Result<std::string> {
    // An id of the data set is a file's name, never a way out of the folder.
    if (id.find('/') != std::string::npos) return invalid("Primary_id", "must be the id of a trial");
    auto report = read_all(trials / (id + ".json"));
    if (!report) report.error().message += "; name the folder of the trial reports with --trials";
    return report;
  };
  const auto format = described::enum_from<contradiction::Format>(input.format);
  if (!format) return invalid("--format", "is not known");
  BOOST_OUTCOME_TRY(auto pairs, contradiction::read_pairs(text, *format, trial));
  return InputPairs{std::move(pairs), sha256_hex(text)};
}

}  // namespace medsynth::cli
