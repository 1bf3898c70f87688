// Server-sent events (docs/http.md), as they come in pieces. Pure; not thread safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace medsynth::cli {

struct Event {
  std::string name;
  std::string data;
};

class EventReader {
 public:
  // Tells `take` of each event that `piece` completes. Heartbeats and places are none.
  void read(std::string_view piece, const std::function<void(const Event&)>& take);

 private:
  void read_line(std::string_view line, const std::function<void(const Event&)>& take);

  std::string text_;  // of a line without its end
  Event event_;
};

}  // namespace medsynth::cli
