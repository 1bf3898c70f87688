#include "medsynth/inference/install_folder.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>

#include <fmt/format.h>

#include "medsynth/inference/onnx/engine.h"
#include "medsynth/inference/onnx/files.h"
#include "medsynth/models/digest.h"

namespace medsynth::inference {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMegabyte = 1024 * 1024;

// Whether it loads, and gives as many numbers as it has labels.
Result<> try_out(const models::ModelFile& model, const fs::path& file) {
  BOOST_OUTCOME_TRY(const auto loaded, onnx::load({.path = file,
                                                   .name = model.name,
                                                   .sha256 = model.sha256,
                                                   .threads = 2,
                                                   .labels = model.labels,
                                                   .context = model.context}));
  const std::array pair{TextPair{"The drug reduces pain.", "The drug does not reduce pain."}};
  const Until soon{.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2)};
  BOOST_OUTCOME_TRY(loaded->entail(pair, soon));
  return success();
}

Result<> fill_in(models::ModelFile& model, const onnx::ModelFolder& folder) {
  model.kind = "entailment";
  model.context = folder.context;
  if (model.memory_mb == 0) model.memory_mb = static_cast<std::int64_t>(folder.predicted / kMegabyte);
  BOOST_OUTCOME_TRY(auto digest, models::file_digest(folder.model));
  BOOST_OUTCOME_TRY(models::check_digest(model.name, digest, model.sha256));
  model.sha256 = std::move(digest);
  return success();
}

// Replaced when the entry of that name is in there already.
Result<models::ModelFile> add_copy(models::Catalogue& catalogue, models::ModelFile model,
                                   const onnx::ModelFolder& folder, bool replaces, const Progress& progress) {
  const fs::path target = catalogue.folder() / model.name;
  std::error_code error;
  const bool there = fs::exists(fs::symlink_status(target, error));
  const models::ModelFile* old = replaces ? catalogue.find(model.name) : nullptr;
  const auto place_of_old = old ? catalogue.locate(*old) : Result<fs::path>(fs::path());
  if (there && (!place_of_old || place_of_old->parent_path() != fs::weakly_canonical(target, error)))
    return Error{
        Code::conflict,
        fmt::format("{} is there already: choose another name, move it away, or leave the model where "
                    "it is with --link",
                    target.string()),
        "file_exists"};
  fs::create_directories(catalogue.folder(), error);
  BOOST_OUTCOME_TRY(check_room(catalogue.folder(), folder.bytes));
  const fs::path part = target.string() + ".part", replaced = target.string() + ".replaced";
  const auto undo = [&](const std::string& what) {
    std::error_code ignored;
    fs::remove_all(part, ignored);
    return Error{Code::unavailable, fmt::format("cannot write {}: {}", target.string(), what), ""};
  };
  if (progress) progress(fmt::format("copying {}", folder.model.filename().string()), 0);
  fs::remove_all(part, error);
  fs::create_directories(part, error);
  if (error) return undo(error.message());
  std::vector<fs::path> files = folder.companions();
  files.push_back(folder.model);
  for (const fs::path& file : files)
    if (!fs::copy_file(file, part / file.filename(), error)) return undo(error.message());
  if (there) fs::rename(target, replaced, error);
  if (!error) fs::rename(part, target, error);
  if (error) return undo(error.message());
  model.file = (fs::path(model.name) / folder.model.filename()).string();
  onnx::ModelFolder copied = folder;
  copied.model = target / folder.model.filename();
  const auto entered = [&]() -> Result<> {
    BOOST_OUTCOME_TRY(fill_in(model, copied));
    return catalogue.put(model);
  }();
  fs::remove_all(entered ? replaced : target, error);
  if (entered) return model;
  if (there) fs::rename(replaced, target, error);
  return entered.error();
}

}  // namespace

Result<models::ModelFile> add_folder(models::Catalogue& catalogue, models::ModelFile model,
                                     const fs::path& file, const Progress& progress,
                                     const AddOptions& options) {
  BOOST_OUTCOME_TRY(const auto folder, onnx::read_model_folder(file, model.labels, model.context));
  if (progress) progress(fmt::format("trying {}", file.filename().string()), 0);
  BOOST_OUTCOME_TRY(try_out(model, file));
  model.file = file.string();
  const bool outside = !catalogue.locate(model);
  if (outside && !options.link)
    return add_copy(catalogue, std::move(model), folder, options.replace, progress);
  std::error_code error;
  const fs::path below = file.lexically_relative(fs::weakly_canonical(catalogue.folder(), error));
  if (!below.empty() && *below.begin() != "..") model.file = below.string();
  BOOST_OUTCOME_TRY(fill_in(model, folder));
  BOOST_OUTCOME_TRY(catalogue.put(model, outside ? folder.folder : fs::path()));
  return model;
}

void remove_folder(const fs::path& file) {
  std::error_code error;
  const fs::path folder = file.parent_path();
  onnx::ModelFolder described{.model = file, .folder = folder};
  const std::vector<fs::path> companions = described.companions();
  fs::remove(file, error);
  fs::remove(file.string() + ".sha256", error);
  const bool shared = std::ranges::any_of(fs::directory_iterator(folder, error),
                                          [](const auto& each) { return onnx::is_onnx(each.path()); });
  if (shared) return;
  for (const fs::path& each : companions) fs::remove(each, error);
  fs::remove(folder, error);  // only where nothing else is in it
}

}  // namespace medsynth::inference
