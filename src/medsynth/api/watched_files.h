// Notices that files changed: replaced, written to, created, removed. It looks each second, on a thread of its own
// ("ms-files"), since a file system may take its time.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

namespace medsynth::api {

class WatchedFiles {
 public:
  struct Watched {
    std::vector<std::filesystem::path> files;
    std::function<void()> changed;  // called on the thread, once for any number of changes
  };
  // Changes count from here on.
  explicit WatchedFiles(std::vector<Watched> watched,
                        std::chrono::milliseconds look_every = std::chrono::seconds(1));
  ~WatchedFiles();  // waits for a call under way
  WatchedFiles(const WatchedFiles&) = delete;
  WatchedFiles& operator=(const WatchedFiles&) = delete;

 private:
  std::jthread thread_;
};

}  // namespace medsynth::api
