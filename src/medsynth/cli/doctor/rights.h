// What a user of Redis must be allowed, and what it lacks. Redis tells it of the user who asks, by
// redis.acl_check_cmd() in a script: nothing is written, and no right is needed but those that the program
// needs anyway. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medsynth/base/settings.h"
#include "medsynth/redis/query.h"

namespace medsynth::cli::doctor {

// One command on one kind of keys or channels, as ACL SETUSER writes them.
struct Right {
  std::string command;             // "HSET"
  std::string on;                  // "~task:*", "&dramatiq:*"; empty: neither keys nor channels
  std::vector<std::string> words;  // a well-formed call that stands for it
  bool granted = false;
};

// Everything that serve and worker do (docs/redis.md has the list for people).
std::vector<Right> needed_rights(const Settings& settings, int database);
// Which of them the asking user has.
redis::Query<std::vector<Right>> ask_rights(std::vector<Right> rights);

// What ACL SETUSER has to add, in its own words: "+hset", "~task:*", "&dramatiq:*"; where neither the command
// nor the keys alone are what is refused: "(+hset ~task:*)".
std::vector<std::string> missing_rights(const std::vector<Right>& rights);

}  // namespace medsynth::cli::doctor
