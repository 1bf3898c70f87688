// What OpenSSL made, freed with its owner.
#pragma once

#include <memory>

namespace medsynth::api {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* owned) const {
    release(owned);
  }
};
template <class T, auto release>
using Owned = std::unique_ptr<T, Release<release>>;

}  // namespace medsynth::api
