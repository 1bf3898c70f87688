// What a Redis answers: the same replies however the bytes are cut, each read or refused with a reason.
#include <cmath>

#include "medsynth/redis/error_reply.h"
#include "medsynth/redis/server_clock.h"

#include "fuzz.h"
#include "resp3.h"

namespace {

using namespace medsynth;

void look(const redis::Reply& reply) {
  (void)redis::integer(reply);
  (void)redis::texts(reply);
  (void)redis::time_of(reply);
  const auto text = redis::text(reply);
  fuzz::require(text.has_value() || !text.error().message.empty(),
                "a reply is read or refused with a reason");
  if (reply.is_error()) {
    const Error error = redis::as_error(reply);
    fuzz::require(redis::classify(error) == redis::classify(reply.text),
                  "an error reply means the same as an Error");
    for (const char c : error.message)
      fuzz::require(static_cast<unsigned char>(c) >= 0x20, "a message has no control characters");
  }
  if (text) {
    (void)redis::is_replica(*text);
    (void)redis::master_of(*text);
  }
  for (const redis::Reply& each : reply.list) look(each);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = fuzz::text_of(data + 1, size - 1);
  const redis::Replies whole = fuzz::replies_of(bytes, bytes.size());
  const redis::Replies cut = fuzz::replies_of(bytes, std::size_t{1} + data[0]);
  fuzz::require(std::equal(whole.begin(), whole.end(), cut.begin(), cut.end(), fuzz::same),
                "replies do not depend on how they are cut");
  for (const redis::Reply& reply : whole) look(reply);
  return 0;
}
