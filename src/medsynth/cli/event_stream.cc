#include "medsynth/cli/event_stream.h"

#include <cstddef>
#include <utility>

namespace medsynth::cli {

void EventReader::read(std::string_view piece, const std::function<void(const Event&)>& take) {
  text_ += piece;
  std::size_t begin = 0;
  for (std::size_t end = text_.find('\n'); end != text_.npos; end = text_.find('\n', begin)) {
    read_line(std::string_view(text_).substr(begin, end - begin), take);
    begin = end + 1;
  }
  text_.erase(0, begin);
}

void EventReader::read_line(std::string_view line, const std::function<void(const Event&)>& take) {
  constexpr std::string_view kName = "event: ", kData = "data: ";
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with(kName)) event_.name = line.substr(kName.size());
  if (line.starts_with(kData)) event_.data = line.substr(kData.size());
  if (!line.empty()) return;
  const Event event = std::exchange(event_, {});
  if (!event.name.empty()) take(event);
}

}  // namespace medsynth::cli
