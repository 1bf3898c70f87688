// What the calls of a session answer, described once. Names and members stay.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "medsynth/api/keys.h"

namespace medsynth::api {

struct SessionAnswer {
  bool needs_key = false;
  std::optional<std::string> name;
  std::vector<Scope> scopes;
  std::optional<std::string> ends_at;
};
BOOST_DESCRIBE_STRUCT(SessionAnswer, (), (needs_key, name, scopes, ends_at))

}  // namespace medsynth::api

template <>
struct medsynth::described::Rules<medsynth::api::SessionAnswer> {
  static constexpr std::array fields{
      Field{.name = "needs_key", .help = "Whether calls need a key here"},
      Field{.name = "name", .help = "Of the key, or of the person whose token it is; null: none is needed"},
      Field{.name = "scopes", .help = "What it may do; admin is all"},
      Field{.name = "ends_at", .help = "When the session ends by itself; null: the call came without one"}};
};
