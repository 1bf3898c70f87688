// Entering an entailment model, which is a folder: an .onnx file with the files that describe it. Part of
// add_model() and remove_model() (install.h). Thread safe.
#pragma once

#include <filesystem>

#include "medsynth/inference/install.h"

namespace medsynth::inference {

// `file` is the .onnx file. It is loaded and asked one pair before anything is changed; one from outside the models
// folder and the roots is copied into a folder of the entry's name, with what belongs to it. Errors as of
// add_model() and Engine::load().
Result<models::ModelFile> add_folder(models::Catalogue& catalogue, models::ModelFile model,
                                     const std::filesystem::path& file, const Progress& progress,
                                     const AddOptions& options);

// The .onnx file, and what only it needs.
void remove_folder(const std::filesystem::path& file);

}  // namespace medsynth::inference
