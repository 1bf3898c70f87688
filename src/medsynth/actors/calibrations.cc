#include "medsynth/actors/calibrations.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include "medsynth/contradiction/language_model.h"

namespace medsynth::actors {

namespace fs = std::filesystem;

fs::path calibration_file(const fs::path& folder, const fs::path& model_file) {
  return model_file.empty() ? folder / "calibration.json"
                            : fs::path(model_file.string() + ".calibration.json");
}

namespace {

std::string_view wording_of(std::string_view kind) {
  return contradiction::wording_of(kind == "entailment" ? "entailment" : "language_model");
}

}  // namespace

fs::path model_calibration_file(const fs::path& folder, std::string_view digest, std::string_view kind) {
  return folder / "calibrations" / fmt::format("{}.{}.json", digest, wording_of(kind));
}

namespace {

// A file as `read` reads it; nullopt: there is none.
template <class T>
Result<std::optional<T>> read_file(const fs::path& path, Result<T> (*read)(std::string_view)) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::optional<T>();
  std::ostringstream text;
  text << file.rdbuf();
  auto calibration = read(text.str());
  if (calibration) return std::optional(std::move(*calibration));
  return Error{Code::invalid_argument,
               fmt::format("{} is damaged ({}): write it anew with 'medsynth calibrate' or 'medsynth models "
                           "use', or remove it",
                           path.string(), calibration.error().message),
               "bad_calibration"};
}

Result<> write_file(const fs::path& file, const json::value& calibration) {
  const fs::path part = fmt::format("{}.{}.part", file.string(), getpid());
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  {
    std::ofstream out(part, std::ios::binary);
    out << json::write_pretty(calibration) << "\n";
    out.close();
    if (!out) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::rename(part, file, error);
  if (!error) return success();
  std::error_code ignored;
  fs::remove(part, ignored);
  return Error{Code::unavailable,
               fmt::format("cannot write {}: check its rights, or set MEDSYNTH_MODELS_DIR", file.string()),
               ""};
}

}  // namespace

Result<std::optional<contradiction::ModelCalibration>> find_model_calibration(const fs::path& folder,
                                                                              std::string_view digest,
                                                                              std::string_view kind) {
  return read_file(model_calibration_file(folder, digest, kind), contradiction::read_model_calibration);
}

std::string_view calibration_of(const fs::path& folder, const fs::path& model_file, std::string_view digest,
                                std::string_view kind) {
  const auto own = read_file(calibration_file(folder, model_file), contradiction::read_calibration);
  const auto built_in = find_model_calibration(folder, digest, kind);
  if (!own || !built_in) return "damaged";
  const auto rests_on_it = [&](const contradiction::CalibratedModel& each) {
    return each.digest == digest && each.prompt_template == wording_of(kind);
  };
  if (*own && std::any_of((*own)->models.begin(), (*own)->models.end(), rests_on_it)) return "own";
  return *built_in ? "built_in" : "none";
}

Result<std::optional<contradiction::Calibration>> find_calibration(
    const fs::path& folder, const fs::path& model_file, const contradiction::LanguageModel& answering) {
  using contradiction::Calibration;
  std::optional<Calibration> own;
  for (const fs::path& beside : {model_file, fs::path()}) {
    if (own) break;
    BOOST_OUTCOME_TRY(own, read_file(calibration_file(folder, beside), contradiction::read_calibration));
    if (own && !contradiction::fits(*own, answering)) own.reset();
  }
  for (const inference::Model* model : {answering.model, answering.entailment_model}) {
    const bool entailment = model == answering.entailment_model;
    const contradiction::TrainedOn* from = own ? &own->combination.trained_on : nullptr;
    const bool counts = from && (entailment ? from->entailment : from->language_model).has_value();
    if (!model || counts || (answering.demo && !entailment)) continue;
    BOOST_OUTCOME_TRY(const auto measured, find_model_calibration(folder, model->info().digest,
                                                                  entailment ? "entailment" : "language"));
    if (!measured) continue;
    if (!own) own = Calibration{.combination = contradiction::built_in_combination()};
    own->combination = contradiction::with_model(std::move(own->combination), *measured);
    own->models.push_back(measured->model);
  }
  return own;
}

Result<> write_calibration(const fs::path& file, const contradiction::Calibration& calibration) {
  return write_file(file, described::to_value(calibration));
}

Result<> write_calibration(const fs::path& file, const contradiction::ModelCalibration& calibration) {
  return write_file(file, described::to_value(calibration));
}

}  // namespace medsynth::actors
