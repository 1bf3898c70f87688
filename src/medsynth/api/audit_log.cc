#include "medsynth/api/audit_log.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>
#include <stop_token>
#include <string>

#include <fmt/format.h>

#include "medsynth/base/clock.h"
#include "medsynth/base/log.h"

namespace medsynth::api {
namespace {

constexpr std::chrono::seconds kTryAgain{1};

}  // namespace

AuditLog::AuditLog(AuditFile file)
    : file_(std::move(file)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

AuditLog::~AuditLog() {
  stop();
}

void AuditLog::add(AuditEntry entry, std::function<void()> settled) {
  entry.time = rfc3339(system_clock().now());
  {
    const MutexLock lock(mutex_);
    const bool fits = settled || (entries_.size() + writing_ < kMaxBuffered &&
                                  refusals_.take(kRefusals, system_clock().steady()).allowed);
    if (!stopped_ && fits) {
      entries_.push_back(std::move(entry));
      if (settled) settled_.push_back(std::move(settled));
      settled = nullptr;
    } else {
      ++lost_;
      ++lost_unsaid_;
    }
  }
  if (settled) return settled();
  changed_.notify_one();
}

bool AuditLog::writable() const {
  const MutexLock lock(mutex_);
  return !failing_ && entries_.size() + writing_ < kMaxBuffered;
}

std::int64_t AuditLog::lost() const {
  const MutexLock lock(mutex_);
  return lost_;
}

void AuditLog::stop() {
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
  }
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void AuditLog::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "ms-audit");
  std::vector<AuditEntry> batch;  // what the disk refused stays here
  for (bool more = true; more;) {
    std::vector<std::function<void()>> settled;
    {
      const MutexLock lock(mutex_);
      if (batch.empty())
        changed_.wait(mutex_, stop, [this]() REQUIRES(mutex_) { return !entries_.empty(); });
      else
        changed_.wait_for(mutex_, stop, kTryAgain, [] { return false; });
      more = !stop.stop_requested();
      std::move(entries_.begin(), entries_.end(), std::back_inserter(batch));
      entries_.clear();
      settled = std::exchange(settled_, {});
      if (lost_unsaid_ > 0 && !batch.empty())
        batch.push_back({.time = rfc3339(system_clock().now()),
                         .action = std::string(kEntriesLost),
                         .detail = std::to_string(std::exchange(lost_unsaid_, 0))});
      writing_ = batch.size();
    }
    if (!batch.empty()) write(batch);
    for (const auto& each : settled) each();
  }
  if (!batch.empty()) log::error("audit entries lost", {{"entries", batch.size()}});
}

void AuditLog::write(std::vector<AuditEntry>& batch) {
  const auto written = append_audit(file_, batch);
  if (written) batch.clear();
  bool changed = false;
  {
    const MutexLock lock(mutex_);
    changed = std::exchange(failing_, !written) == bool(written);
    writing_ = batch.size();
  }
  if (!changed) return;
  if (written)
    log::info("the audit log is written again");
  else
    log::error("nothing is changed until the audit log can be written", {{"why", written.error().message}});
}

}  // namespace medsynth::api
