#include "medsynth/api/confirm.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "medsynth/api/off_loop.h"

namespace medsynth::api {
namespace {

namespace asio = boost::asio;
// Workers obey within some milliseconds of the bell; looking again is one short command.
constexpr std::chrono::milliseconds kLookAgain{20};

}  // namespace

std::vector<std::string> ids_of(const std::vector<fleet::Snapshot>& snapshots) {
  std::vector<std::string> ids;
  for (const fleet::Snapshot& snapshot : snapshots) ids.push_back(snapshot.worker_id);
  return ids;
}

asio::awaitable<Confirmed> wait_for_workers(App& app, std::int64_t version,
                                            std::vector<std::string> workers) {
  Confirmed confirmed;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const auto deadline = std::chrono::steady_clock::now() + app.options.confirm_timeout;
  while (!workers.empty()) {
    auto answers = co_await co_run(app, app.services.fleet.confirmations(version));
    if (answers) {
      confirmed.answers = std::move(*answers);
      std::erase_if(workers, [&](const std::string& id) {
        if (!confirmed.answers.contains(id)) return false;
        confirmed.confirmed_by.push_back(id);
        return true;
      });
    }
    if (workers.empty() || std::chrono::steady_clock::now() >= deadline) break;
    timer.expires_after(kLookAgain);
    co_await timer.async_wait(asio::use_awaitable);
  }
  confirmed.silent = std::move(workers);
  co_return confirmed;
}

}  // namespace medsynth::api
