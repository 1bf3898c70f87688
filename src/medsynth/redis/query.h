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
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
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

// One that asks nothing.
template <class T>
Query<T> known(T value) {
  return {{}, [value = std::move(value)](const Replies&) mutable -> Result<Step<T>> {
            return Step<T>{std::move(value)};
          }};
}

// Two in one exchange, and in as many more as the longer one needs. An error of either is that of both.
template <class A, class B>
Query<std::pair<A, B>> both(Query<A> first, Query<B> second) {
  const auto size = static_cast<std::ptrdiff_t>(first.commands.size());
  Commands commands = std::move(first.commands);
  std::move(second.commands.begin(), second.commands.end(), std::back_inserter(commands));
  return {std::move(commands),
          [size, of_first = std::move(first.decode),
           of_second = std::move(second.decode)](Replies replies) mutable -> Result<Step<std::pair<A, B>>> {
            Replies rest(std::make_move_iterator(replies.begin() + size),
                         std::make_move_iterator(replies.end()));
            replies.resize(static_cast<std::size_t>(size));
            BOOST_OUTCOME_TRY(auto a, of_first(std::move(replies)));
            BOOST_OUTCOME_TRY(auto b, of_second(std::move(rest)));
            if (a.value && b.value)
              return Step<std::pair<A, B>>{std::pair<A, B>(std::move(*a.value), std::move(*b.value))};
            return Step<std::pair<A, B>>{both(a.next ? std::move(*a.next) : known(std::move(*a.value)),
                                              b.next ? std::move(*b.next) : known(std::move(*b.value)))};
          }};
}

// The same query with its value made into another: `convert` gives a U or a Result<U>.
template <class U, class T, class Convert>
Query<U> then(Query<T> query, Convert convert) {
  return {std::move(query.commands),
          [decode = std::move(query.decode), convert](Replies replies) mutable -> Result<Step<U>> {
            BOOST_OUTCOME_TRY(auto step, decode(std::move(replies)));
            if (step.next) return Step<U>{then<U>(std::move(*step.next), convert)};
            BOOST_OUTCOME_TRY(auto value, Result<U>(convert(std::move(*step.value))));
            return Step<U>{std::move(value)};
          }};
}

// Many in one exchange, as both().
template <class T>
Query<std::vector<T>> all(std::vector<Query<T>> queries) {
  Query<std::vector<T>> together = known(std::vector<T>());
  for (Query<T>& query : queries) {
    auto pair = both(std::move(together), std::move(query));
    together = then<std::vector<T>>(std::move(pair), [](std::pair<std::vector<T>, T> so_far) {
      so_far.first.push_back(std::move(so_far.second));
      return std::move(so_far.first);
    });
  }
  return together;
}

// `otherwise` where it ends in an error of Redis' answer. One without a connection ends in that all the same.
template <class T>
Query<T> or_else(Query<T> query, T otherwise) {
  return {std::move(query.commands),
          [decode = std::move(query.decode), otherwise](Replies replies) mutable -> Result<Step<T>> {
            auto step = decode(std::move(replies));
            if (!step) return Step<T>{std::move(otherwise)};
            if (step->next) return Step<T>{or_else(std::move(*step->next), std::move(otherwise))};
            return step;
          }};
}

}  // namespace medsynth::redis
