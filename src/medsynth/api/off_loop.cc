#include "medsynth/api/off_loop.h"

namespace medsynth::api {

std::size_t bytes_of(const redis::Replies& replies) {
  std::size_t bytes = 0;
  for (const redis::Reply& reply : replies) bytes += reply.text.size() + bytes_of(reply.list);
  return bytes;
}

}  // namespace medsynth::api
