#include "medsynth/worker/calibrations.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

namespace medsynth::worker {

namespace fs = std::filesystem;

fs::path calibration_file(const fs::path& folder, const fs::path& model_file) {
  return model_file.empty() ? folder / "calibration.json"
                            : fs::path(model_file.string() + ".calibration.json");
}

Result<std::optional<contradiction::Calibration>> find_calibration(
    const fs::path& folder, const fs::path& model_file, const contradiction::LanguageModel& answering) {
  std::vector<fs::path> files{calibration_file(folder, {})};
  if (!model_file.empty()) files.insert(files.begin(), calibration_file(folder, model_file));
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    if (!file) continue;
    std::ostringstream text;
    text << file.rdbuf();
    auto calibration = contradiction::read_calibration(text.str());
    if (!calibration)
      return Error{Code::invalid_argument,
                   fmt::format("{} is damaged ({}): write it anew with 'medsynth calibrate', or remove it",
                               path.string(), calibration.error().message),
                   "bad_calibration"};
    if (contradiction::fits(*calibration, answering)) return std::optional(std::move(*calibration));
  }
  return std::optional<contradiction::Calibration>();
}

Result<> write_calibration(const fs::path& file, const contradiction::Calibration& calibration) {
  const fs::path part = fmt::format("{}.{}.part", file.string(), getpid());
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  {
    std::ofstream out(part, std::ios::binary);
    out << json::write_pretty(described::to_value(calibration)) << "\n";
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

}  // namespace medsynth::worker
