// Which models leave when another needs their room: the set of idle models that frees enough and loses the
// least expected reload time (how often a model is asked for × how long it takes to load). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "medsynth/base/clock.h"

namespace medsynth::models {

// Uses per second, older ones forgotten exponentially. It outlives the model, so that one that returns is
// known (ghost history). A value.
class Rate {
 public:
  // `memory`: after this time a use counts 1/e. 0 keeps no history at all.
  explicit Rate(std::chrono::duration<double> memory = std::chrono::minutes(10)) : memory_(memory.count()) {}

  void add(SteadyTime now);  // a use, now
  // So many uses, somewhere between the call before and now.
  void add_since(std::int64_t uses, SteadyTime now);
  double per_second(SteadyTime now) const;

 private:
  double decay(SteadyTime now) const;

  double memory_;
  double weight_ = 0;
  SteadyTime at_{};
};

struct Candidate {
  std::uint64_t bytes = 0;                       // that leave with it
  double loss = 0;                               // expected seconds of reloading per second without it
  SteadyTime idle_since{};                       // among equals, the one that is idle longest leaves
  std::vector<std::uint64_t> device_bytes = {};  // on each GPU, by its number
};

// Indices of the victims, in order; nullopt when all candidates together do not free `bytes`, `places` and
// `device_bytes` on each GPU. Exact for up to some twenty candidates, near it beyond.
std::optional<std::vector<std::size_t>> choose_victims(std::span<const Candidate> candidates,
                                                       std::uint64_t bytes, std::int64_t places,
                                                       std::span<const std::uint64_t> device_bytes = {});

}  // namespace medsynth::models
