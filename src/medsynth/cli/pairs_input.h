// The file of labelled pairs that `eval` and `calibrate` take.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"
#include "medsynth/cli/local_judge.h"
#include "medsynth/contradiction/pairs_file.h"

namespace medsynth::cli {

struct PairsInput {
  std::string file;  // "-": standard input; empty: what people labelled
  std::string format = "jsonl";
  std::string trials;  // folder of trial reports; empty: "CT json" beside the file
};

struct InputPairs {
  std::vector<contradiction::LabelledPair> pairs;
  std::string sha256;  // of the file
};

void add_input_options(CLI::App& command, PairsInput& input);
void add_judge_options(CLI::App& command, JudgeOptions& options);

// not_found: no such file; invalid_argument as of read_pairs().
Result<InputPairs> read_input(const PairsInput& input, const Settings& settings);

}  // namespace medsynth::cli
