#include "medsynth/api/label_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace medsynth::api {
namespace {

namespace fs = std::filesystem;

Error not_kept(const fs::path& file, const std::error_code& why) {
  return {Code::unavailable,
          fmt::format("the label was not kept: {} cannot be written ({})", file.string(), why.message()),
          "label_not_kept"};
}

std::error_code last_error() {
  return {errno != 0 ? errno : EIO, std::generic_category()};
}

// Held until it goes. A file beside the labels, since those are replaced.
class Lock {
 public:
  explicit Lock(const fs::path& file) : descriptor_(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    held_ = descriptor_ >= 0 && flock(descriptor_, LOCK_EX) == 0;
  }
  ~Lock() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Lock(const Lock&) = delete;
  bool held() const { return held_; }

 private:
  int descriptor_;
  bool held_ = false;
};

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
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const Lock lock(file.string() + ".lock");
  if (!lock.held()) return not_kept(file, last_error());

  const fs::path part = file.string() + ".part";
  std::size_t total = 1;
  errno = 0;
  std::ofstream out(part, std::ios::binary);
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || is_of(line, label.id)) continue;
    out << line << '\n';
    ++total;
  }
  out << described::write(label) << '\n';
  out.close();
  if (!out) return not_kept(file, last_error());
  fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write, error);
  if (!error) fs::rename(part, file, error);
  if (error) return not_kept(file, error);
  return total;
}

}  // namespace medsynth::api
