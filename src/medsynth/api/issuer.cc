#include "medsynth/api/issuer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/log.h"

namespace medsynth::api {
namespace {

constexpr std::chrono::hours kTrusted{24};            // without a word of the issuer
constexpr std::chrono::seconds kMaxFailurePause{60};  // between attempts at an issuer that is away

Error unavailable(std::string reason, std::string message) {
  return {Code::unavailable, std::move(message), std::move(reason), {}, std::chrono::seconds(1)};
}

}  // namespace

Issuer::Issuer(IssuerOptions options) : options_(std::move(options)) {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    pthread_setname_np(pthread_self(), "ms-issuer");
    run(stop);
  });
}

Issuer::~Issuer() = default;

void Issuer::run(const std::stop_token& stop) {
  auto failure_pause = options_.pause;
  while (!stop.stop_requested()) {
    fetch(stop);
    const SteadyTime fetched = system_clock().steady();
    const MutexLock lock(mutex_);
    failure_pause = problem_.empty()
                        ? options_.pause
                        : std::min<std::chrono::milliseconds>(2 * failure_pause, kMaxFailurePause);
    const auto never = []() { return false; };
    changed_.wait_until(mutex_, stop, fetched + options_.pause, never);
    changed_.wait_until(mutex_, stop, fetched + (problem_.empty() ? options_.refresh : failure_pause),
                        [this]() REQUIRES(mutex_) { return wanted_; });
  }
}

void Issuer::fetch(const std::stop_token& stop) {
  {
    const MutexLock lock(mutex_);
    wanted_ = false;
  }
  auto text = options_.fetch(stop);
  auto keys = text ? KeySet::parse(*text) : Result<KeySet>(text.error());
  if (stop.stop_requested()) return;
  const std::string problem = keys ? "" : keys.error().message;
  if (problem != said_ && !keys)
    log::error("the issuer's keys stay as they were", {{"issuer", options_.rules.issuer}, {"why", problem}});
  if (keys) log::debug("issuer's keys read", {{"issuer", options_.rules.issuer}, {"keys", keys->size()}});
  said_ = problem;
  const MutexLock lock(mutex_);
  problem_ = problem;
  if (!keys) return;
  keys_ = std::make_shared<const KeySet>(std::move(*keys));
  fetched_at_ = system_clock().steady();
}

void Issuer::refresh() {
  {
    const MutexLock lock(mutex_);
    wanted_ = true;
  }
  changed_.notify_all();
}

Result<std::shared_ptr<const Key>> Issuer::verify(std::string_view token, WallTime now) {
  BOOST_OUTCOME_TRY(const auto header, token_header(token));
  std::shared_ptr<const KeySet> keys;
  SteadyTime fetched_at;
  std::string problem;
  {
    const MutexLock lock(mutex_);
    keys = keys_;
    fetched_at = fetched_at_;
    problem = problem_;
  }
  const auto age = system_clock().steady() - fetched_at;
  const bool known = keys && keys->find(header.kid, header.alg);
  if (!known || age > kTrusted) {
    if (!keys || age > options_.pause) {
      refresh();
      if (!problem.empty())
        return unavailable(
            "issuer_unavailable",
            fmt::format("Tokens of {} cannot be verified now, since its keys are not known ({}): try "
                        "again, or use a key of this server.",
                        options_.rules.issuer, problem));
      return unavailable("issuer_keys_pending",
                         fmt::format("The keys of {} are being fetched: try again.", options_.rules.issuer));
    }
  }
  BOOST_OUTCOME_TRY(auto key, verify_token(options_.rules, *keys, token, now));
  return std::make_shared<const Key>(std::move(key));
}

}  // namespace medsynth::api
