// What a Redis may answer: bytes as RESP3, read by what the client reads with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <boost/redis/resp3/parser.hpp>

#include "medsynth/redis/reply_builder.h"

namespace medsynth::fuzz {

// What ends the process inside of Boost.Redis 1.92: its parser, which is noexcept, throws at the length of a
// string that is empty. No Redis sends one, and nothing of ours comes before that parser.
inline bool is_fatal_upstream(std::string_view bytes) {
  for (const std::string_view head : {"$\r\n", "!\r\n", "=\r\n"})
    if (bytes.find(head) != bytes.npos) return true;
  return false;
}

// The complete messages at the start of `bytes`, which come in pieces of `piece` bytes.
inline redis::Replies replies_of(std::string_view bytes, std::size_t piece) {
  redis::ReplyBuilder builder;
  if (is_fatal_upstream(bytes)) return {};
  boost::redis::any_adapter adapter = redis::adapter_for(builder);
  boost::redis::resp3::parser parser;
  boost::system::error_code error;
  std::size_t here = 0;  // bytes of the message that have come
  while (here < bytes.size()) {
    here = std::min(bytes.size(), here + piece);
    while (here > 0 && boost::redis::resp3::parse(parser, bytes.substr(0, here), adapter, error)) {
      if (error) return builder.take();
      const std::size_t consumed = parser.get_consumed();
      bytes.remove_prefix(consumed);
      here -= consumed;
      parser.reset();
    }
  }
  return builder.take();
}

inline bool same(const redis::Reply& a, const redis::Reply& b) {
  return a.kind == b.kind && a.text == b.text && a.integer == b.integer &&
         std::equal(a.list.begin(), a.list.end(), b.list.begin(), b.list.end(), same);
}

}  // namespace medsynth::fuzz
