// One thing that `medsynth doctor` looked at, and what it found. A value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <boost/describe.hpp>

namespace medsynth::cli::doctor {

// Stored in scripts of operators: frozen, as the ids are (docs/doctor.md).
BOOST_DEFINE_ENUM_CLASS(Status, ok,  // it was looked at, and is as it should be
                        warning,     // work goes on, and will not for ever, or not as people expect
                        failed,      // work does not go on, or tasks are lost: doctor ends with exit code 1
                        unknown)     // it could not be looked at; `why` says what hid it

struct Check {
  std::string id;  // "redis.persistence"
  Status status = Status::ok;
  std::string what;  // one sentence, with what was seen
  std::string why;   // its consequence, or what hid it; empty when ok
  std::string next;  // what to do; empty when ok
};
BOOST_DESCRIBE_STRUCT(Check, (), (id, status, what, why, next))
using Checks = std::vector<Check>;

// `text` with one full stop at its end.
inline std::string sentence(std::string text) {
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text.empty() ? text : text + '.';
}

inline Check ok(std::string id, std::string what) {
  return {std::move(id), Status::ok, sentence(std::move(what)), "", ""};
}
inline Check warning(std::string id, std::string what, std::string why, std::string next) {
  return {std::move(id), Status::warning, sentence(std::move(what)), sentence(std::move(why)),
          std::move(next)};
}
inline Check failed(std::string id, std::string what, std::string why, std::string next) {
  return {std::move(id), Status::failed, sentence(std::move(what)), sentence(std::move(why)),
          std::move(next)};
}
inline Check unknown(std::string id, std::string what, std::string why, std::string next) {
  return {std::move(id), Status::unknown, sentence(std::move(what)), sentence(std::move(why)),
          std::move(next)};
}

}  // namespace medsynth::cli::doctor
