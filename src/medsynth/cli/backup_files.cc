#include "medsynth/cli/backup_files.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/actors/calibrations.h"
#include "medsynth/api/key_file.h"
#include "medsynth/api/label_file.h"
#include "medsynth/base/id.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/private_file.h"
#include "medsynth/cli/output_file.h"
#include "medsynth/models/catalogue.h"

namespace medsynth::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKeys = "keys.json", kLabels = "labels.jsonl", kCatalogue = "models.toml",
                           kCalibration = "calibration.json";
constexpr std::string_view kOfDigest = "calibrations/";  // and the name in that folder
constexpr std::string_view kOfModel = "models/", kOfModelEnd = ".calibration.json";  // between them its name

fs::path catalogue_file(const Settings& settings) {
  return settings.models_catalogue.empty() ? models_dir(settings) / kCatalogue
                                           : fs::path(settings.models_catalogue);
}

// One name, and no way out of a folder.
bool is_file_name(std::string_view name) {
  return check_name("", name) && name.find('/') == std::string_view::npos;
}

// Where a file of a backup belongs; empty: nowhere here.
fs::path place_of(const Settings& settings, const models::Catalogue& catalogue, std::string_view name) {
  const fs::path models = models_dir(settings);
  if (name == kKeys) return api::key_file(data_dir(settings));
  if (name == kLabels) return api::label_file(data_dir(settings));
  if (name == kCatalogue) return catalogue_file(settings);
  if (name == kCalibration) return actors::calibration_file(models, "");
  if (name.starts_with(kOfDigest) && is_file_name(name.substr(kOfDigest.size()))) return models / name;
  if (!name.starts_with(kOfModel) || !name.ends_with(kOfModelEnd)) return {};
  name.remove_prefix(kOfModel.size());
  name.remove_suffix(std::min(name.size(), kOfModelEnd.size()));
  const models::ModelFile* model = catalogue.find(name);
  const auto path = model ? catalogue.locate(*model) : Result<fs::path>(fs::path());
  std::error_code ignored;
  if (!path || path->empty() || !fs::is_directory(path->parent_path(), ignored)) return {};
  return actors::calibration_file(models, *path);
}

Result<std::optional<std::string>> read_file(const fs::path& path) {
  if (path.filename() == kKeys) return read_private_file(path);
  std::error_code error;
  if (!fs::exists(path, error)) return std::optional<std::string>();
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.bad() && in) return std::optional(std::move(text));
  return Error{Code::unavailable, fmt::format("{} cannot be read: check its rights", path.string()),
               "unreadable_file"};
}

// The catalogue of the backup where that will be the one that counts, else the one that is here.
Result<models::Catalogue> catalogue_after(const Settings& settings, const std::vector<backup::File>& files,
                                          bool replace) {
  const fs::path here = catalogue_file(settings);
  const auto of_backup = std::find_if(files.begin(), files.end(),
                                      [](const backup::File& each) { return each.name == kCatalogue; });
  std::error_code ignored;
  if (of_backup == files.end() || (fs::exists(here, ignored) && !replace))
    return models::Catalogue::read(models_dir(settings), here);
  const fs::path copy = fs::temp_directory_path() / fmt::format("medsynth-{}.toml", new_uuid());
  if (const auto error = write_private_file(copy, of_backup->bytes))
    return Error{Code::unavailable, fmt::format("{} cannot be written ({})", copy.string(), error.message()),
                 "file_not_written"};
  auto catalogue = models::Catalogue::read(models_dir(settings), copy);
  fs::remove(copy, ignored);
  return catalogue;
}

std::vector<std::string> names_of(const std::vector<PlannedFile>& planned, FileState state) {
  std::vector<std::string> names;
  for (const PlannedFile& each : planned)
    if (each.state == state) names.push_back(each.path.string());
  return names;
}

}  // namespace

Result<std::vector<backup::File>> kept_files(const Settings& settings) {
  std::vector<std::string> names{std::string(kKeys), std::string(kLabels), std::string(kCatalogue),
                                 std::string(kCalibration)};
  std::error_code ignored;
  for (const auto& each : fs::directory_iterator(models_dir(settings) / "calibrations", ignored))
    if (each.path().extension() == ".json")
      names.push_back(std::string(kOfDigest) + each.path().filename().string());
  // A damaged catalogue is kept as it is; which models it has is not known then.
  auto catalogue = models::Catalogue::read(models_dir(settings), catalogue_file(settings));
  if (!catalogue) catalogue = models::Catalogue();
  for (const models::ModelFile& model : catalogue->models())
    names.push_back(fmt::format("{}{}{}", kOfModel, model.name, kOfModelEnd));
  std::sort(names.begin() + 4, names.end());
  std::vector<backup::File> files;
  for (const std::string& name : names) {
    const fs::path path = place_of(settings, *catalogue, name);
    if (path.empty()) continue;
    BOOST_OUTCOME_TRY(auto bytes, read_file(path));
    if (bytes) files.push_back({name, std::move(*bytes)});
  }
  return files;
}

Result<std::vector<PlannedFile>> plan_files(const Settings& settings, const std::vector<backup::File>& files,
                                            bool replace) {
  BOOST_OUTCOME_TRY(const auto catalogue, catalogue_after(settings, files, replace));
  std::vector<PlannedFile> planned;
  for (const backup::File& file : files) {
    PlannedFile plan{file.name, FileState::no_place, place_of(settings, catalogue, file.name), file.bytes};
    if (!plan.path.empty()) {
      BOOST_OUTCOME_TRY(const auto there, read_file(plan.path));
      plan.state = !there ? FileState::absent : *there == file.bytes ? FileState::same : FileState::differs;
    }
    planned.push_back(std::move(plan));
  }
  return planned;
}

Result<> check_files(const std::vector<PlannedFile>& planned) {
  const auto differ = names_of(planned, FileState::differs);
  if (differ.empty()) return success();
  return Error{
      Code::conflict,
      fmt::format("these files are here and differ from the backup's: {}; nothing was done. --replace "
                  "takes those of the backup in their place",
                  fmt::join(differ, ", ")),
      "backup_files_differ"};
}

Result<> write_files(const std::vector<PlannedFile>& planned) {
  for (const PlannedFile& each : planned) {
    if (each.state != FileState::absent && each.state != FileState::differs) continue;
    const FileLock lock(each.path);
    std::error_code error = lock.held() ? std::error_code() : std::make_error_code(std::errc::io_error);
    if (!error && (each.name == kKeys || each.name == kLabels))
      error = write_private_file(each.path, each.bytes);
    else if (!error) {
      BOOST_OUTCOME_TRY(write_output_file(each.path.string(), each.bytes));
    }
    if (error)
      return Error{Code::unavailable,
                   fmt::format("{} cannot be written ({}): put that right, and restore again to go on",
                               each.path.string(), error.message()),
                   "file_not_written"};
  }
  return success();
}

Result<std::vector<MissingModel>> missing_models(const Settings& settings,
                                                 const std::vector<PlannedFile>& planned) {
  std::vector<backup::File> files;
  for (const PlannedFile& each : planned)
    if (each.name == kCatalogue && each.state != FileState::same) files.push_back({each.name, each.bytes});
  BOOST_OUTCOME_TRY(const auto catalogue, catalogue_after(settings, files, true));
  std::vector<MissingModel> missing;
  for (const models::ModelFile& model : catalogue.models()) {
    const auto path = catalogue.locate(model);
    std::error_code ignored;
    if (!path || !fs::exists(*path, ignored)) missing.push_back({model.name, model.file, model.sha256});
  }
  return missing;
}

}  // namespace medsynth::cli
