#include "medsynth/api/idempotency.h"

#include <algorithm>

#include <boost/describe.hpp>

#include "medsynth/base/described.h"
#include "medsynth/base/id.h"

namespace medsynth::api {
namespace {

constexpr std::string_view kPointer = "/Idempotency-Key";
constexpr std::size_t kMaxKeyBytes = 255;

// Stored in Redis: frozen.
struct Stored {
  std::string digest;
  std::string task_id;
};
BOOST_DESCRIBE_STRUCT(Stored, (), (digest, task_id))

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(part).append("\n");
  return text;
}

}  // namespace

Result<std::optional<IdempotencyKey>> idempotency_key(const Request& request, std::string_view task_prefix) {
  if (!request.idempotency_key) return std::optional<IdempotencyKey>();
  const std::string_view key = *request.idempotency_key;
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (key.empty() || key.size() > kMaxKeyBytes || !printable)
    return invalid(std::string(kPointer), "must have 1 to 255 printable ASCII characters");
  std::string_view path = request.path;
  if (path.ends_with('/')) path.remove_suffix(1);
  return std::optional(IdempotencyKey{std::string(task_prefix) + "\x1fidempotency:" +
                                          sha256_hex(joined({method_name(request.method), path, key})),
                                      sha256_hex(joined({request.query, request.body}))});
}

tasks::Guard guard(const IdempotencyKey& key, std::string_view task_id) {
  return {.key = key.redis_key, .value = described::write(Stored{key.digest, std::string(task_id)})};
}

Result<std::string> replayed_task(const IdempotencyKey& key, std::string_view stored) {
  const auto first = described::parse<Stored>(stored);
  if (!first) return Error{Code::internal, "what is stored for this Idempotency-Key cannot be read", ""};
  if (first->digest == key.digest) return first->task_id;
  Error error = invalid(std::string(kPointer), "was used with another body: use a new key for a new request");
  error.reason = "idempotency_key_reused";
  return error;
}

}  // namespace medsynth::api
