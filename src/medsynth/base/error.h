// Errors of every room: a closed set of codes that answer "what should the caller do?", and Result<T>.
//
// A refusal that is part of normal work ("no slot yet") is data, not an Error. Exceptions come only from
// third parties and are converted where they enter.
//
//   Result<Task> task = store.get("t-1");
//   if (!task) return task.error();
//   BOOST_OUTCOME_TRY(auto page, store.list(request));
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/try.hpp>

namespace medsynth {

enum class Code {
  invalid_argument,  // the request can never succeed as it is: change it
  not_found,         // what it names does not exist
  conflict,          // the state forbids it: look again, then decide
  not_allowed,       // who asks may not
  exhausted,         // too much for now: retry later
  timeout,           // it did not happen in the time given: retry, perhaps with more time
  unavailable,       // something it depends on is away: retry the call
  cancelled,         // somebody asked for it to stop
  internal,          // a bug or a broken part: do not retry, report it
};

// One field of the input that is wrong: where (JSON pointer, RFC 6901; "" is the whole document) and what to
// do about it.
struct Fault {
  std::string pointer;
  std::string detail;
  bool operator==(const Fault&) const = default;
};

struct Error {
  Code code = Code::internal;
  std::string message;             // what, why, what next; never a secret or a claim's text
  std::string reason;              // stable wire code ("task_not_found"); empty: the code's own name
  std::vector<Fault> faults = {};  // for invalid_argument, each wrong field
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
};

// The one table of codes. HTTP status, exit code of the command line, and the name on the wire follow from
// it.
struct CodeInfo {
  Code code;
  std::string_view name;   // "invalid_argument"
  std::string_view title;  // "Invalid argument"
  int http_status;
  int exit_code;
};
const CodeInfo& info(Code code);

// The wire code of an error: its reason when it has one, else its code's name.
std::string_view wire_code(const Error& error);

using boost::outcome_v2::failure;
using boost::outcome_v2::success;

// A T or an Error. `*result` and `result->` are for when it is known to hold a value; asking for the wrong
// one ends the process (our own bug, never reachable from input).
template <class T = void>
class [[nodiscard]] Result
    : public boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate> {
  using Base = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

 public:
  using Base::Base;
  auto& operator*() & requires(!std::is_void_v<T>) { return Base::value(); } const auto& operator*() const&
        requires(!std::is_void_v<T>)
  {
    return Base::value();
  }
  auto&& operator*() &&
      requires(!std::is_void_v<T>) { return std::move(*this).Base::value(); } auto* operator-> ()
        requires(!std::is_void_v<T>)
  {
    return &Base::value();
  }
  const auto* operator->() const
    requires(!std::is_void_v<T>)
  {
    return &Base::value();
  }
};

inline Error invalid(std::string pointer, std::string detail) {
  std::string message = pointer.empty() ? detail : pointer + ": " + detail;
  return Error{Code::invalid_argument, std::move(message), "", {{std::move(pointer), std::move(detail)}}};
}

}  // namespace medsynth
