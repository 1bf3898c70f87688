// What is said to Redis, as data: commands, and how their replies become a value. Rooms build queries (pure,
// testable without a server); redis::Client carries them out, blocking or from a coroutine.
//
//   Query<std::int64_t> count(std::string key) {
//     return {{Command{"ZCARD", key}}, [](Replies replies) -> Result<Step<std::int64_t>> {
//               BOOST_OUTCOME_TRY(auto n, integer(replies[0]));
//               return Step<std::int64_t>{n};
//             }};
//   }
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/base/id.h"

namespace medsynth::redis {

// A Lua script, known to Redis by its digest. Lives as long as the program (a namespace-scope constant).
struct Script {
  Script(std::string_view name_, std::string_view source_)
      : name(name_), source(source_), sha1(sha1_hex(source_)) {}
  std::string_view name;    // "tasks.create", for errors and metrics
  std::string_view source;  // our own text, never upstream Dramatiq's
  std::string sha1;
};

// One command. Arguments are bytes.
struct Command {
  Command() = default;
  template <class... Words>
  explicit Command(std::string_view verb, Words&&... rest) {
    words.reserve(1 + sizeof...(rest));
    words.emplace_back(verb);
    (words.emplace_back(text(std::forward<Words>(rest))), ...);
  }
  // EVALSHA of `script`; the client sends the source when Redis does not know the digest.
  static Command eval(const Script& script, std::vector<std::string> keys,
                      std::vector<std::string> arguments);

  std::vector<std::string> words;
  const Script* script = nullptr;

 private:
  static std::string text(std::string word) { return word; }
  static std::string text(std::string_view word) { return std::string(word); }
  static std::string text(const char* word) { return word; }
  template <std::integral Number>
  static std::string text(Number number) {
    return std::to_string(number);
  }
};

// Several, sent together in this order. Made of braces it moves what is in them; a vector's braces copy, and
// a batch is large.
struct Commands : std::vector<Command> {
  Commands() = default;
  Commands(std::vector<Command> all) : vector(std::move(all)) {}  // NOLINT: means the same
  template <std::same_as<Command>... Each>
    requires(sizeof...(Each) > 0)
  Commands(Each... each) {  // NOLINT: as braces do
    reserve(sizeof...(Each));
    (push_back(std::move(each)), ...);
  }
};

// One reply. Maps, sets and pushes are `list` (a map is name, value, name, value ...).
struct Reply {
  enum class Kind { null, text, integer, list, error };
  Kind kind = Kind::null;
  std::string text;  // of text and error ("WRONGTYPE Operation against ...")
  std::int64_t integer = 0;
  std::vector<Reply> list;

  bool is_null() const { return kind == Kind::null; }
  bool is_error() const { return kind == Kind::error; }
  // The first word of an error reply, empty for others: "WRONGTYPE".
  std::string_view error_prefix() const;
};
using Replies = std::vector<Reply>;

// Replies as what they must be. An error reply becomes an Error (error_reply.h says which), a reply of
// another kind is internal, "redis_reply". Those that take an rvalue do not copy.
Result<std::string> text(const Reply& reply);
Result<std::string> text(Reply&& reply);
Result<std::int64_t> integer(const Reply& reply);  // also from text that is one
Result<std::vector<Reply>> list(const Reply& reply);
Result<std::vector<Reply>> list(Reply&& reply);
Result<std::vector<std::string>> texts(const Reply& reply);
Result<std::vector<std::string>> texts(Reply&& reply);
Error as_error(const Reply& reply);  // precondition: reply.is_error()

template <class T>
struct Query;

// What a query's replies lead to: its value, or one more query.
template <class T>
struct Step {
  Step(T value_) : value(std::move(value_)) {}                                  // NOLINT: both are meant
  Step(Query<T> next_) : next(std::make_shared<Query<T>>(std::move(next_))) {}  // to convert silently
  std::optional<T> value;
  std::shared_ptr<Query<T>> next;
};

struct Done {
  bool operator==(const Done&) const = default;
};

// Commands that are sent together in this order, and what their replies mean. Not a transaction: atomicity is
// a script's.
template <class T>
struct Query {
  Commands commands;
  std::function<Result<Step<T>>(Replies)> decode;
};

// A query whose only answer is that nothing failed.
Query<Done> all_ok(Commands commands);

}  // namespace medsynth::redis
