#include "medsynth/cli/event_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace medsynth::cli {
namespace {

// Wherever the pieces end: the same events, without heartbeats and places.
TEST(EventReader, FindsTheSameEventsInPiecesOfAnySize) {
  const std::string text =
      "event: start\ndata: {\"missed\": false}\n\n: heartbeat\n\nevent: task\r\ndata: {\"x\": \": "
      "y\"}\r\n\r\n"
      "id: 1-2\n\nevent: gate\ndata: é\n\nevent: task\ndata: unfinished\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EventReader reader;
    std::vector<std::string> events;
    for (std::size_t at = 0; at < text.size(); at += size)
      reader.read(text.substr(at, size),
                  [&](const Event& event) { events.push_back(event.name + " " + event.data); });
    EXPECT_EQ(events,
              (std::vector<std::string>{"start {\"missed\": false}", "task {\"x\": \": y\"}", "gate é"}))
        << size;
  }
}

}  // namespace
}  // namespace medsynth::cli
