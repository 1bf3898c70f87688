#include "medsynth/redis/trouble.h"

#include "medsynth/base/log.h"
#include "medsynth/redis/error_reply.h"

namespace medsynth::redis {
namespace {

constexpr std::size_t kMostCauses = 100;  // a cause may name a key, and there may be any number of these

}  // namespace

void Trouble::failed(std::string_view what, const Error& error) {
  if (error.code == Code::cancelled || classify(error) == ErrorClass::connection) return;
  {
    const std::lock_guard lock(mutex_);
    if (said_.size() >= kMostCauses) said_.clear();
    if (!said_.emplace(what, error.message).second) return;
    any_ = true;
  }
  log::error(what, {{"error", std::string_view(error.message)}, {"next", "it is tried again"}});
}

void Trouble::worked(std::string_view what) {
  if (!any_) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::erase_if(said_, [&](const auto& each) { return each.first == what; }) == 0) return;
    any_ = !said_.empty();
  }
  log::info("it works again", {{"what", what}});
}

}  // namespace medsynth::redis
