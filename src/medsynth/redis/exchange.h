// Commands on their way to Redis, and their replies on the way back. Internal to client.cc; used on the
// client's thread.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/redis/request.hpp>

#include "medsynth/redis/client.h"
#include "medsynth/redis/reply_builder.h"

namespace medsynth::redis {

inline void push(boost::redis::request& request, const std::vector<std::string>& words) {
  // An empty range would push nothing at all.
  if (words.size() == 1) return request.push(words[0]);
  request.push_range(words[0], words.begin() + 1, words.end());
}

// Fail rather than wait for a connection, and never send twice: what was sent may have happened.
inline boost::redis::request::config fail_fast() {
  boost::redis::request::config config;
  config.cancel_on_connection_lost = true;
  config.cancel_if_not_connected = true;
  config.cancel_if_unresponded = true;
  config.hello_with_priority = false;
  return config;
}

struct Exchange {
  Exchange(std::vector<Command> commands_, Client::Completion done_)
      : commands(std::move(commands_)), done(std::move(done_)) {
    std::size_t bytes = 0;
    for (const Command& command : commands)
      for (const std::string& word : command.words) bytes += word.size() + 16;  // its length and line ends
    request.reserve(bytes);
    incoming.expect(commands.size());
    for (Command& command : commands) {
      if (command.words.empty()) return;  // ends as not well formed
      push(request, command.words);
      if (!command.script) command.words = {};  // only a script may have to be sent again
    }
  }

  // False for an empty command, and for those that Redis answers with pushes only (SUBSCRIBE).
  bool well_formed() const { return request.get_expected_responses() == commands.size(); }

  // Takes the replies that came in. True when scripts were unknown to Redis: then `request` asks for these
  // again, now with their source.
  bool take_replies() {
    Replies came = incoming.take();
    if (resent.empty())
      replies = std::move(came);
    else
      for (std::size_t i = 0; i < resent.size(); ++i) replies[resent[i]] = std::move(came[i]);
    if (!resent.empty()) return false;
    for (std::size_t i = 0; i < replies.size(); ++i)
      if (commands[i].script && replies[i].error_prefix() == "NOSCRIPT") resent.push_back(i);
    if (resent.empty()) return false;
    request.clear();
    for (std::size_t i : resent) {
      std::vector<std::string>& words = commands[i].words;
      words[0] = "EVAL";
      words[1] = commands[i].script->source;
      push(request, words);
    }
    return true;
  }

  std::vector<Command> commands;
  Client::Completion done;  // empty when it was called
  boost::redis::request request{fail_fast()};
  ReplyBuilder incoming;
  Replies replies;
  std::vector<std::size_t> resent;
  std::chrono::steady_clock::time_point deadline;
  std::list<std::shared_ptr<Exchange>>::iterator place;  // among the pending ones
};

}  // namespace medsynth::redis
