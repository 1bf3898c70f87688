#include "medsynth/base/journal.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

namespace medsynth {
namespace {

constexpr std::size_t kLongestName = 64;

char of_name(char each) {
  if (each >= 'a' && each <= 'z') return static_cast<char>(each - 'a' + 'A');
  return (each >= 'A' && each <= 'Z') || (each >= '0' && each <= '9') ? each : '_';
}

}  // namespace

bool leads_to_journal(std::string_view stream, int descriptor) {
  struct stat state{};
  return !stream.empty() && ::fstat(descriptor, &state) == 0 &&
         stream == fmt::format("{}:{}", state.st_dev, state.st_ino);
}

void add_journal_field(std::string& entry, std::string_view name, std::string_view value) {
  std::string field(name.substr(0, kLongestName));
  std::ranges::transform(field, field.begin(), of_name);
  entry += field;
  if (value.find('\n') == value.npos) {
    entry += '=';
  } else {  // its length, 64 bits, little endian
    entry += '\n';
    for (std::uint64_t i = 0, size = value.size(); i < 8; ++i)
      entry += static_cast<char>(size >> (8 * i) & 0xff);
  }
  entry.append(value).append("\n");
}

Journal::Journal(const std::filesystem::path& socket)
    : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.native().size() < sizeof address.sun_path)
    socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  // Where nobody listens, send() fails.
  (void)::connect(*descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

bool Journal::send(std::string_view entry) const {
  return ::send(*descriptor_, entry.data(), entry.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(entry.size());
}

}  // namespace medsynth
