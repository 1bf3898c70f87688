// What an error reply of Redis means for who asked: the one table of it. Pure, thread safe (no state).
//
//   Result<Begun> begun = client.run(store.begin(...));
//   if (!begun && worth_retrying(classify(begun.error()))) ...   // later; the client reconnects by itself
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "medsynth/base/error.h"

namespace medsynth::redis {

enum class ErrorClass : std::uint8_t {
  // The server's state, which passes (LOADING, OOM, BUSY ...): the same call may succeed in a moment, on the
  // same connection.
  transient,
  // This connection can never carry the call (READONLY: a replica; NOAUTH, MOVED ...): the client ends it and
  // connects again, with backoff. Worth trying again when it is connected (Client::wait_connected()).
  connection,
  // Rights or configuration forbid it (NOPERM, an unknown command, CROSSSLOT): the same call succeeds once
  // an operator has changed that, also on this connection. Worth trying again, slowly, and worth saying.
  refused,
  // The call or the data is wrong (WRONGTYPE, a script's error), or the error is not one of Redis' at all:
  // trying again changes nothing.
  broken,
};

constexpr bool worth_retrying(ErrorClass of) {
  return of != ErrorClass::broken;
}

// `reply` is an error reply's text: "READONLY You can't write against a read only replica."
ErrorClass classify(std::string_view reply);

// The same of the Error of a query or a Client: by its reason. No connection is `connection`, no answer in
// time `transient`. Errors of other rooms (a conflict, say) are `broken`, and so is a closed client.
ErrorClass classify(const Error& error);

// An error reply as an Error that says what Redis said, and what to do about it where that is known. Not the
// arguments of a command, which Redis quotes when it does not know the command.
//   transient, connection   unavailable, "redis_<prefix in lowercase>" ("redis_readonly"), retry after 1 s
//   refused                 unavailable, "redis_refused", retry after 1 s
//   broken                  internal, "redis_error"
Error error_of(std::string_view reply);

// True when the text of INFO (all of it, or its section "replication") is a replica's: every write is
// refused there, and what would be written is lost. `master_of` is its master's "host:port" then, else "".
bool is_replica(std::string_view info);
std::string master_of(std::string_view info);

}  // namespace medsynth::redis
