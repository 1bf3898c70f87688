#include "medsynth/api/watched_files.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "medsynth/base/private_file.h"

namespace medsynth::api {
namespace {

std::vector<FileStamp> stamps_of(const WatchedFiles::Watched& watched) {
  std::vector<FileStamp> stamps;
  for (const auto& file : watched.files) stamps.push_back(stamp_of(file));
  return stamps;
}

bool sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

WatchedFiles::WatchedFiles(std::vector<Watched> watched, std::chrono::milliseconds look_every) {
  std::vector<std::vector<FileStamp>> seen;
  for (const Watched& each : watched) seen.push_back(stamps_of(each));
  thread_ = std::jthread([watched = std::move(watched), seen = std::move(seen),
                          look_every](const std::stop_token& stop) mutable {
    pthread_setname_np(pthread_self(), "ms-files");
    while (sleep_for(look_every, stop)) {
      for (std::size_t i = 0; i < watched.size(); ++i) {
        auto now = stamps_of(watched[i]);
        if (now == seen[i]) continue;
        seen[i] = std::move(now);
        watched[i].changed();
      }
    }
  });
}

WatchedFiles::~WatchedFiles() = default;

}  // namespace medsynth::api
