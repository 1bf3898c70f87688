// A `medsynth serve` of a command's own, for as long as the command runs.
//
//   BOOST_OUTCOME_TRY(const auto server, LocalServer::where_none_runs(session));
//   BOOST_OUTCOME_TRY(const auto client, server ? session.client_of(server->url()) : session.client());
//
// It is a direct child on a free port of loopback. When this process dies, it ends in order: a task that runs
// goes back to its queue. Start it from the main thread, before other threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "medsynth/base/error.h"
#include "medsynth/base/settings.h"
#include "medsynth/cli/app.h"

namespace medsynth::cli {

class LocalServer {
 public:
  enum class Data {
    kept,    // where `medsynth serve` keeps it: the next one goes on with what is left
    nowhere  // in a folder that is removed at the end, in a Redis of its own
  };
  // Ready when it returns. unavailable: it did not start; its own words are on stderr.
  static Result<std::unique_ptr<LocalServer>> start(const LoadedSettings& loaded, Data data);
  // Starts one, and says so, when the session's server is one of this machine and nobody listens there; null
  // otherwise.
  static Result<std::unique_ptr<LocalServer>> where_none_runs(const Session& session);
  ~LocalServer();  // asks it to end, and waits
  LocalServer(const LocalServer&) = delete;

  const std::string& url() const { return url_; }

 private:
  LocalServer() = default;
  Result<> listens(int out);
  Result<> ready() const;

  int pid_ = -1;
  std::string url_;
  std::filesystem::path folder_;  // to be removed
};

}  // namespace medsynth::cli
