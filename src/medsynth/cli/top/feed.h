// The server's state for `medsynth top`, kept as new as the server tells it: by events, and by asking each second where
// those are refused. Thread safe; it has two threads, one that listens and one that asks and acts, which end with it.
#pragma once

#include <condition_variable>
#include <stop_token>
#include <thread>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/mutex.h"
#include "medsynth/cli/event_stream.h"
#include "medsynth/cli/http_client.h"
#include "medsynth/cli/top/now.h"
#include "medsynth/cli/top/view.h"

namespace medsynth::cli::top {

// One look at everything. Blocks.
Result<Now> look(const HttpClient& client);

class Feed {
 public:
  Feed(const HttpClient& client, Now first);
  Feed(const Feed&) = delete;

  Now now() const;
  // Carries it out, later.
  void act(Action action);
  // What came of actions since the last call; empty: nothing.
  Text news();

 private:
  void listen(const HttpClient& client, std::stop_token stop);
  void ask(const HttpClient& client, std::stop_token stop);
  void take(const Event& event);
  void carry_out(const HttpClient& client, const std::vector<Action>& actions);

  mutable Mutex mutex_;
  Now now_ GUARDED_BY(mutex_);
  bool wanted_ GUARDED_BY(mutex_) = false;  // tasks have changed
  std::vector<Action> actions_ GUARDED_BY(mutex_);
  Text news_ GUARDED_BY(mutex_);
  std::condition_variable_any changed_;
  std::jthread listener_, asker_;  // the last members: they use the others
};

}  // namespace medsynth::cli::top
