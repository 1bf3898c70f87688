#include "medsynth/api/console_sessions.h"

#include <algorithm>
#include <utility>

#include "medsynth/base/id.h"
#include "medsynth/base/random.h"

namespace medsynth::api {

std::string ConsoleSessions::begin(std::shared_ptr<const Key> key, WallTime now) {
  constexpr std::size_t kSecretBytes = 32;
  make_room(*key, now);
  std::string secret = random_hex(kSecretBytes);
  sessions_.emplace(sha256_hex(secret), Session{std::move(key), now + kLifetime, ++begun_});
  return secret;
}

void ConsoleSessions::make_room(const Key& key, WallTime now) {
  std::erase_if(sessions_, [&](const auto& each) { return each.second.ends_at <= now; });
  const auto is_older = [](const auto& a, const auto& b) { return a.second.number < b.second.number; };
  const auto is_of_key = [&](const auto& each) { return each.second.key->id == key.id; };
  if (std::count_if(sessions_.begin(), sessions_.end(), is_of_key) >= static_cast<std::ptrdiff_t>(kMaxOfKey))
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [&](const auto& a, const auto& b) {
      return std::pair(!is_of_key(a), a.second.number) < std::pair(!is_of_key(b), b.second.number);
    }));
  if (sessions_.size() >= kMax)
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), is_older));
}

std::shared_ptr<const Key> ConsoleSessions::find(std::string_view secret, WallTime now) const {
  const auto found = secret.empty() ? sessions_.end() : sessions_.find(sha256_hex(secret));
  return found == sessions_.end() || found->second.ends_at <= now ? nullptr : found->second.key;
}

WallTime ConsoleSessions::end_of(std::string_view secret) const {
  return sessions_.at(sha256_hex(secret)).ends_at;
}

void ConsoleSessions::end(std::string_view secret) {
  sessions_.erase(sha256_hex(secret));
}

std::string_view cookie_value(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(';'), header.size());
    std::string_view pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
  }
  return "";
}

}  // namespace medsynth::api
