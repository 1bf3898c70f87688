// The models that we know of: what `medsynth models list --available` shows and `models pull NAME` fetches. Data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <boost/describe.hpp>

namespace medsynth::hub {

struct Recommended {
  std::string_view name, kind;
  std::string_view
      from;  // as hub::fetch_model() takes it; empty: a demo model, which comes from the package registry
  std::string_view sha256;   // of the model's file; empty: made when it is installed
  std::string_view licence;  // SPDX
  std::uint64_t bytes = 0;   // to fetch
  std::uint64_t memory_mb = 0;
  std::string_view measured;  // by us, with what; empty: not measured
};

std::span<const Recommended> recommended();
// nullptr: none is called so.
const Recommended* find_recommended(std::string_view name);

}  // namespace medsynth::hub
