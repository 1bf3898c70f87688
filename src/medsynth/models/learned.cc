#include "medsynth/models/learned.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/base/descriptor.h"
#include "medsynth/base/private_file.h"

namespace medsynth::models {
namespace {

namespace fs = std::filesystem;

// More are not kept: the first written leave.
constexpr std::size_t kMostKept = 1000;

struct LearnedFile {
  std::int64_t version = 1;
  std::vector<Learned> models;
};
BOOST_DESCRIBE_STRUCT(LearnedFile, (), (version, models))

}  // namespace

std::vector<Learned> read_learned(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  auto content = described::parse<LearnedFile>(text.str());
  return content && content->version == 1 ? std::move(content->models) : std::vector<Learned>();
}

Result<> write_learned(const fs::path& file, const std::vector<Learned>& learned) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const FileLock lock(file);
  if (!lock.held())
    return Error{Code::unavailable, "cannot write " + file.string() + ": check the folder's rights", ""};
  LearnedFile content{.models = read_learned(file)};
  for (const Learned& each : learned) {
    std::erase_if(content.models,
                  [&](const Learned& old) { return old.model == each.model && old.options == each.options; });
    content.models.push_back(each);
  }
  if (content.models.size() > kMostKept)
    content.models.erase(content.models.begin(),
                         content.models.end() - static_cast<std::ptrdiff_t>(kMostKept));
  const fs::path fresh = fmt::format("{}.{}", file.string(), getpid());
  std::ofstream out(fresh);
  out << described::write(content) << '\n';
  out.close();
  if (out) fs::rename(fresh, file, error);
  if (out && !error) return success();
  fs::remove(fresh, error);
  return Error{Code::unavailable, "cannot write " + file.string(), ""};
}

std::uint64_t anonymous_bytes() {
  // statm: size resident shared ... in pages; what is resident and not shared with a file is anonymous.
  const Descriptor statm(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  if (!statm) return 0;
  std::array<char, 128> text{};
  const ssize_t length = read(*statm, text.data(), text.size());
  std::array<std::uint64_t, 3> pages{};
  const char* at = text.data();
  const char* const end = at + std::max<ssize_t>(0, length);
  for (std::uint64_t& each : pages) {
    while (at < end && *at == ' ') ++at;
    at = std::from_chars(at, end, each).ptr;
  }
  return pages[1] > pages[2] ? (pages[1] - pages[2]) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace medsynth::models
