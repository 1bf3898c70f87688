// Who stands at Redis' address, judged by what its first bytes are: Redis, something that speaks TLS, another
// program, or nobody. It asks PING without a password, and says hello in TLS where that meets nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "medsynth/redis/url.h"

namespace medsynth::cli::doctor {

BOOST_DEFINE_ENUM_CLASS(PeerKind, redis,  // `said` is its answer to PING
                        tls,              // it speaks TLS, whatever is behind
                        stranger,     // it answered, and no Redis answers like that; `said` is its first line
                        silent,       // it took the connection and says nothing
                        closes,       // it took the connection and ended it at once
                        nobody,       // nothing listens: refused, or no such socket
                        forbidden,    // a socket that we may not use
                        unreachable)  // `said` is the system's reason

struct Peer {
  PeerKind kind = PeerKind::nobody;
  std::string said;  // fit for a terminal
  bool operator==(const Peer&) const = default;
};

// Pure: what an answer to PING shows. `bytes` empty and not `closed`: nothing came in time.
Peer judge_answer(std::string_view bytes, bool closed);
// Pure: whether bytes that answered a TLS greeting are TLS.
bool is_tls(std::string_view bytes);

// Blocks up to three times `patience`. Not for addresses behind sentinels.
Peer meet(const redis::Url& url, std::chrono::milliseconds patience);

}  // namespace medsynth::cli::doctor
