#include "medsynth/dramatiq/producer.h"

#include <algorithm>
#include <iterator>

namespace medsynth::dramatiq {
namespace {

constexpr std::size_t kExchange = 4096;  // messages of one exchange: bounds what is in memory twice

}  // namespace

Result<> Producer::send(Message message, std::chrono::milliseconds delay) const {
  BOOST_OUTCOME_TRY(check(message));
  const auto eta = delay.count() > 0 ? std::optional(client_.clock().now() + delay) : std::nullopt;
  BOOST_OUTCOME_TRY(client_.run(broker_.enqueue(std::move(message), eta)));
  return success();
}

Result<> Producer::send(std::vector<Outgoing> messages) const {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (auto checked = check(messages[i].message); !checked) {
      Error error = checked.error();
      for (Fault& fault : error.faults) fault.pointer = "/" + std::to_string(i) + fault.pointer;
      error.message = "message " + std::to_string(i) + ": " + error.message;
      return error;
    }
  }
  for (auto at = messages.begin(); at != messages.end();) {
    const auto end = at + std::min<std::ptrdiff_t>(messages.end() - at, kExchange);
    std::vector<Outgoing> part(std::make_move_iterator(at), std::make_move_iterator(end));
    BOOST_OUTCOME_TRY(client_.run(broker_.enqueue(std::move(part))));
    at = end;
  }
  return success();
}

}  // namespace medsynth::dramatiq
