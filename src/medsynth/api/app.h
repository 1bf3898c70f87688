// What handlers share. Only the io_context's thread touches it; what runs off the loop reads `options` and
// `services`.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/thread_pool.hpp>

#include "medsynth/api/audit_log.h"
#include "medsynth/api/callers.h"
#include "medsynth/api/console_sessions.h"
#include "medsynth/api/estimates.h"
#include "medsynth/api/events.h"
#include "medsynth/api/http.h"
#include "medsynth/api/issuer.h"
#include "medsynth/api/keys.h"
#include "medsynth/api/server.h"
#include "medsynth/api/task_feed.h"
#include "medsynth/api/waiting_view.h"

namespace medsynth::api {

struct App {
  App(ServerOptions options_, const Services& services_);

  ServerOptions options;
  Services services;
  bool draining = false;
  std::shared_ptr<const Keys> keys = std::make_shared<const Keys>();  // as the file had them a moment ago
  bool beyond_loopback = false;         // other machines reach it; see is_public()
  std::unique_ptr<Issuer> issuer = {};  // null: there is none
  ConsoleSessions sessions = {};
  std::string session_cookie = {};  // its name: cookies do not tell ports apart
  Callers callers = {};
  std::unique_ptr<AuditLog> audit = {};  // null: there is none
  boost::asio::thread_pool parser{1};    // "ms-parse"; see off_loop.h
  std::string openapi;                   // the document
  Estimates estimates = {};
  TaskFeed feed;
  Events events{*this};
  std::shared_ptr<const WaitingFacts> facts = {};  // as they were a moment ago; see waits.h
  SteadyTime facts_at = {};

  WallTime now() const { return services.clock.now(); }
  // Whether calls need a key: wherever there is one, were all of them expired, or an issuer of some, and beyond loopback.
  bool needs_key() const { return !keys->empty() || issuer || (beyond_loopback && !options.insecure); }
  // Whether calls are recorded.
  bool records() const { return audit && (options.audit_always || needs_key()); }
  // The machine, when no worker says. Percents are "since the sample before": one is kept for a moment, so
  // that callers in quick succession do not measure each other.
  const limits::Sample& sample();

 private:
  std::optional<limits::Sample> sample_;
  SteadyTime sampled_at_{};
};

}  // namespace medsynth::api
