// Whether Redis can be worked with at all, and if not, what exactly is in the way.
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/base/text.h"
#include "medsynth/cli/doctor/checks.h"

namespace medsynth::cli::doctor {
namespace {

constexpr const char* kId = "redis.connection";

Check nobody(const RedisFacts& facts) {
  const std::string nobody = fmt::format("Nothing listens at {}.", facts.url);
  if (!facts.loopback || facts.mode == "external")
    return failed(kId, nobody, "Tasks and queues are kept in Redis; without it nothing works.",
                  "Start that Redis, or name another in REDIS_URL.");
  if (!facts.managed_error.empty())
    return failed(kId, nobody,
                  fmt::format("'serve' cannot start one of its own there: {}.", facts.managed_error),
                  "Start that Redis, or change REDIS_URL to redis://localhost:6379/0.");
  if (!facts.program)
    return failed(
        kId, nobody, fmt::format("'serve' would start one of its own, but {}.", facts.program.hidden_by),
        "Install redis-server (7 or later) or valkey-server, or name a running Redis in REDIS_URL.");
  return ok(kId, fmt::format("None runs at {}; 'serve' starts its own ({}).", facts.url, *facts.program));
}

Check met(const RedisFacts& facts, const Peer& peer) {
  switch (peer.kind) {
    case PeerKind::nobody:
      return nobody(facts);
    case PeerKind::forbidden:
      return failed(
          kId,
          fmt::format("Redis' socket {} is there, and this user may not use it ({}).", facts.socket,
                      peer.said),
          "Only users with write access to the socket and its folders may connect.",
          "Run as its user, join its group (and set unixsocketperm 770), or use another REDIS_URL.");
    case PeerKind::unreachable:
      return failed(kId, fmt::format("{} cannot be reached: {}.", facts.url, peer.said),
                    "Nothing is known about a Redis there.",
                    "Check the host and port in REDIS_URL, the name service, and firewalls in between.");
    case PeerKind::silent:
      return failed(
          kId, fmt::format("Something at {} takes connections and says nothing.", facts.url),
          "It is another program, or a Redis that stands still (stopped, or busy with a long script).",
          "See who listens there ('ss -ltnp'); or name another port in REDIS_URL.");
    case PeerKind::closes:
      return failed(kId, fmt::format("Something at {} ends each connection without a word.", facts.url),
                    "It is another program, or a proxy whose Redis is away.",
                    "See who listens there ('ss -ltnp'); or name another port in REDIS_URL.");
    case PeerKind::stranger:
      return failed(
          kId, fmt::format("Another program listens at {}: it answered \"{}\".", facts.url, peer.said),
          "That is no answer of Redis.", "Name Redis' own port in REDIS_URL, or a free one for 'serve'.");
    case PeerKind::tls:
      return failed(kId, fmt::format("The port at {} speaks TLS, and REDIS_URL asks for none.", facts.url),
                    "A Redis with TLS ends every connection without it.",
                    "Write rediss:// (with ?ssl_ca_certs=FILE for an authority of your own).");
    case PeerKind::redis:
      return failed(kId,
                    fmt::format("The Redis at {} does not speak TLS, and REDIS_URL asks for it.", facts.url),
                    "It answered without TLS.", "Write redis://, or the port of its TLS (tls-port).");
  }
  return failed(kId, facts.url, "", "");
}

// What Redis says before or in the greeting, and what it means. The first that the text contains.
struct Refusal {
  std::string_view text;
  std::string_view what;
  std::string_view why;
  std::string_view next;
};
constexpr std::array<Refusal, 13> kRefusals{{
    {"max number of clients", "has no room for another connection",
     "As many clients as its maxclients allows are connected.",
     "Raise maxclients (and its limit of descriptors), or end clients that leak ('redis-cli client list')."},
    {"DENIED", "refuses connections from other machines", "It is in protected mode: it has no password.",
     "Give it a password (requirepass, or ACL SETUSER) and put it into REDIS_URL."},
    {"NOAUTH", "wants a password, and REDIS_URL has none", "It lets nobody in without one.",
     "Write the password into REDIS_URL: redis://:PASSWORD@host or redis://USER:PASSWORD@host. Beside "
     "another "
     "user's managed Redis, choose a port of your own."},
    {"WRONGPASS", "refuses the user or the password of REDIS_URL",
     "The user is not known or switched off, or the password is another.",
     "Correct REDIS_URL (@ : / in a password are %40 %3A %2F), or the user on Redis ('ACL LIST')."},
    {"without any password configured", "has no password, and REDIS_URL has one", "It refuses the greeting.",
     "Leave the password out of REDIS_URL, or set it on Redis."},
    {"DB index is out of range", "does not have the database of REDIS_URL",
     "Redis has 16 databases, 0 to 15, unless 'databases' says otherwise; a cluster has one.",
     "Change the number at the end of REDIS_URL, or raise 'databases'."},
    {"SELECT is not allowed in cluster", "is a cluster, which has database 0 only",
     "Others cannot be chosen there.",
     "End REDIS_URL with /0, and use prefixes to keep installations apart."},
    {"LOADING", "is loading its data", "It answers nothing until that is done.",
     "Wait, and look again; 'redis-cli info persistence' says how far it is (loading_*)."},
    {"MISCONF", "refuses every write: it could not save its data to disk",
     "Its last snapshot or append failed, and stop-writes-on-bgsave-error is on.",
     "Look into Redis' log and its disk (full? read-only? rights of 'dir'?)."},
    {"MASTERDOWN", "is a replica that has lost its master", "It serves no data until the master is back.",
     "Point REDIS_URL at the master."},
    {"replica", "is a replica", "A replica takes no writes; what is written there is lost.",
     "Point REDIS_URL at its master."},
    {"NOPERM", "does not allow this user the greeting", "HELLO, SELECT and PING are needed to connect.",
     "Grant the rights in docs/redis.md ('ACL SETUSER NAME +hello +select +ping')."},
    {"certificate", "could not prove who it is",
     "TLS needs a certificate of an authority that is trusted here.",
     "Name the authority's file with ?ssl_ca_certs=FILE, the certificate's name with &sni=NAME."},
}};

}  // namespace

Check redis_connection(const RedisFacts& facts) {
  if (!facts.url_error.empty())
    return failed(kId, "REDIS_URL cannot be read.", facts.url_error, "Correct REDIS_URL.");
  if (facts.connected) {
    std::string version = facts.info ? info_field(*facts.info, "redis_version") : "";
    if (version.empty() && facts.hello)
      if (const auto told = facts.hello->find("version"); told != facts.hello->end()) version = told->second;
    return ok(kId, fmt::format("Redis {}{}answers at {}.", version, version.empty() ? "" : " ", facts.url));
  }
  const bool spoke = facts.peer && facts.peer->kind == PeerKind::redis;
  if (facts.peer && facts.peer->kind != (facts.tls ? PeerKind::tls : PeerKind::redis))
    return met(facts, *facts.peer);
  // Before the greeting it speaks to anybody: that it wants a password is no news then.
  const bool said_more = spoke && facts.peer->said != "PONG" && !facts.peer->said.starts_with("NO");
  for (const std::string& said : {facts.connection_error, said_more ? facts.peer->said : std::string()}) {
    for (const Refusal& refusal : kRefusals)
      if (said.find(refusal.text) != said.npos)
        return failed(kId, fmt::format("The Redis at {} {}.", facts.url, refusal.what),
                      fmt::format("{} It said: {}", refusal.why, printable(said)), std::string(refusal.next));
  }
  return failed(kId, fmt::format("No connection to {} comes about.", facts.url),
                fmt::format("The last attempt ended with: {}", printable(facts.connection_error)),
                "Check REDIS_URL (docs/redis.md) and Redis' log.");
}

}  // namespace medsynth::cli::doctor
