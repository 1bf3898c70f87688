#include "medsynth/api/callers.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace medsynth::api {
namespace {

constexpr std::chrono::seconds kForgetEvery{1};
constexpr std::chrono::seconds kTryAgain{1};

Error refused(std::string message, std::string reason, std::chrono::seconds wait) {
  return {Code::exhausted, std::move(message), std::move(reason), {}, std::max(wait, kTryAgain)};
}

}  // namespace

std::string limits_text(const CallerLimits& limits) {
  std::vector<std::string> parts;
  constexpr std::int64_t kMegabyte = 1024 * 1024;
  if (limits.rate) parts.push_back(rate_text(*limits.rate));
  if (limits.concurrent) parts.push_back(fmt::format("{} at once", *limits.concurrent));
  if (limits.bytes_in_flight) parts.push_back(fmt::format("{} MB", *limits.bytes_in_flight / kMegabyte));
  if (limits.queue_length) parts.push_back(fmt::format("queues to {}", *limits.queue_length));
  return fmt::format("{}", fmt::join(parts, ", "));
}

Error Callers::Turn::too_many_bytes() const {
  return refused(
      fmt::format("{} may have {} bytes of requests and answers under way, and has as many: try again.",
                  caller_.shown, *caller_.limits.bytes_in_flight),
      "bytes_exceeded", kTryAgain);
}

Callers::State& Callers::state_of(const Caller& caller, SteadyTime now) {
  if (const auto found = states_.find(caller.id); found != states_.end()) return found->second;
  const auto max_bytes = caller.limits.bytes_in_flight
                             ? static_cast<std::size_t>(*caller.limits.bytes_in_flight)
                             : std::numeric_limits<std::size_t>::max();
  // The whole table is looked at: not for each of many that come at once.
  if (states_.size() >= kMax && now >= forget_again_) {
    forget_again_ = now + kForgetEvery;
    std::erase_if(states_, [now](const auto& each) {
      return each.second.under_way == 0 && each.second.bucket.is_full(now);
    });
  }
  const std::string id = states_.size() < kMax ? caller.id : "";
  return states_.try_emplace(id, max_bytes).first->second;
}

Result<std::unique_ptr<Callers::Turn>> Callers::enter(const Caller& caller, SteadyTime now) {
  State& state = state_of(caller, now);
  const CallerLimits& limits = caller.limits;
  if (limits.concurrent && state.under_way >= *limits.concurrent)
    return refused(fmt::format("{} may have {} requests under way, and has as many: wait for one to end.",
                               caller.shown, *limits.concurrent),
                   "concurrency_exceeded", kTryAgain);
  std::optional<TokenBucket::Taken> taken;
  if (limits.rate) {
    taken = state.bucket.take(*limits.rate, now);
    if (!taken->allowed)
      return refused(fmt::format("{} may make {} requests, and made as many: try again in {} s.",
                                 caller.shown, rate_text(*limits.rate), taken->wait.count()),
                     "rate_exceeded", taken->wait);
  }
  auto turn = std::make_unique<Turn>(caller, state);
  turn->taken_ = taken;
  return turn;
}

std::string address_group(std::string_view address) {
  boost::system::error_code error;
  const auto parsed = boost::asio::ip::make_address(address, error);
  if (error || parsed.is_v4()) return std::string(address);
  const auto v6 = parsed.to_v6();
  if (v6.is_v4_mapped()) return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6).to_string();
  auto bytes = v6.to_bytes();
  constexpr std::size_t kNetwork = 8;
  std::fill(bytes.begin() + kNetwork, bytes.end(), static_cast<unsigned char>(0));
  return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace medsynth::api
