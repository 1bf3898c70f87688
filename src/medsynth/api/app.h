// What handlers share. Only the io_context's thread touches it.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "medsynth/api/http.h"
#include "medsynth/api/server.h"

namespace medsynth::api {

struct App {
  App(ServerOptions options_, const Services& services_)
      : options(std::move(options_)), services(services_) {}

  ServerOptions options;
  Services services;
  bool draining = false;

  WallTime now() const { return services.clock.now(); }
  // The machine, when no worker says. Percents are "since the sample before": one is kept for a moment, so
  // that callers in quick succession do not measure each other.
  const limits::Sample& sample();

 private:
  std::optional<limits::Sample> sample_;
  SteadyTime sampled_at_{};
};

}  // namespace medsynth::api
