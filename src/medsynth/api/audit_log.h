// Writes the audit log of a server, off its event loop: one thread ("ms-audit") appends what has come together. Thread
// safe.
//
//   AuditLog log({.path = path});
//   if (!log.writable()) refuse();                          // before something is changed
//   ...
//   co_await co_record(log, std::move(entry));              // before the answer: what was answered is on the disk
//   log.add(std::move(entry));                              // of a refusal: nobody waits for it
//
// When the disk refuses, what was changed already is answered and its lines wait in memory; they are tried again each
// second, and until then writable() is false, so that nothing is changed that cannot be recorded. Refusals, which
// anybody may cause, must not fill the disk: beyond kRefusals they are counted, and the count is recorded.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "medsynth/api/audit_file.h"
#include "medsynth/api/rate.h"
#include "medsynth/base/mutex.h"

namespace medsynth::api {

class AuditLog {
 public:
  static constexpr std::size_t kMaxBuffered = 10'000;  // some megabytes
  static constexpr Rate kRefusals{600, 60};            // a day of them is 350 MB

  explicit AuditLog(AuditFile file);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // A line, its time now. `settled` is called on the log's thread once it is on the disk, or was refused by it; an
  // entry without it may be dropped, and is counted then.
  void add(AuditEntry entry, std::function<void()> settled = {});
  bool writable() const;
  std::int64_t lost() const;  // refusals that were not recorded
  // Writes what is left, and ends the thread; what comes later is lost.
  void stop();

 private:
  void run(const std::stop_token& stop);
  void write(std::vector<AuditEntry>& batch);

  const AuditFile file_;
  mutable Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<AuditEntry> entries_ GUARDED_BY(mutex_);
  std::vector<std::function<void()>> settled_ GUARDED_BY(mutex_);  // of entries_, in no order
  std::size_t writing_ GUARDED_BY(mutex_) = 0;                     // entries that the thread has
  TokenBucket refusals_ GUARDED_BY(mutex_);
  std::int64_t lost_ GUARDED_BY(mutex_) = 0, lost_unsaid_ GUARDED_BY(mutex_) = 0;
  bool failing_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;
};

// Resumed on the caller's executor once the entry is settled.
inline boost::asio::awaitable<void> co_record(AuditLog& log, AuditEntry entry) {
  return boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void()>(
      [&log](auto handler, AuditEntry recorded) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        log.add(std::move(recorded), [shared] {
          boost::asio::post(boost::asio::get_associated_executor(*shared),
                            [shared]() mutable { std::move (*shared)(); });
        });
      },
      boost::asio::use_awaitable, std::move(entry));
}

}  // namespace medsynth::api
