#include "medsynth/api/label_file.h"

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "medsynth/base/private_file.h"

namespace medsynth::api {
namespace {

namespace fs = std::filesystem;

Error not_kept(const fs::path& file, const std::error_code& why) {
  return {Code::unavailable,
          fmt::format("the label was not kept: {} cannot be written ({})", file.string(), why.message()),
          "label_not_kept"};
}

bool is_of(const std::string& line, const std::string& id) {
  const auto value = json::parse(line);
  const json::object* object = value ? value->if_object() : nullptr;
  const json::value* found = object ? object->if_contains("id") : nullptr;
  return found && found->is_string() && std::string_view(found->get_string()) == id;
}

}  // namespace

fs::path label_file(const fs::path& data_dir) {
  return data_dir / "labels.jsonl";
}

Result<std::size_t> keep_label(const fs::path& file, const KeptLabel& label) {
  const FileLock lock(file);
  if (!lock.held()) return not_kept(file, {errno != 0 ? errno : EIO, std::generic_category()});
  std::string text;
  std::size_t total = 1;
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || is_of(line, label.id)) continue;
    text.append(line).append("\n");
    ++total;
  }
  if (in.bad()) return not_kept(file, std::make_error_code(std::errc::io_error));
  text += described::write(label) + "\n";
  if (const auto error = write_private_file(file, text)) return not_kept(file, error);
  return total;
}

}  // namespace medsynth::api
