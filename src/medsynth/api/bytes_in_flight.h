// One budget for the bytes that requests and answers hold, of all connections together: each of them has
// bounds of its own, and thousands may come at once. Not thread safe: the io_context's thread only.
//
//   BytesInFlight budget(128 << 20);
//   BytesInFlight::Share share(budget);
//   if (!share.hold(body.size())) refuse();     // gives back what it held when it goes
#pragma once

#include <cstddef>

namespace medsynth::api {

class BytesInFlight {
 public:
  // Every connection may hold this much whatever the others hold, so that small calls (/livez) always pass:
  // max_connections bounds their sum.
  static constexpr std::size_t kAlways = 32 * 1024;

  explicit BytesInFlight(std::size_t max) : max_(max) {}
  std::size_t held() const { return held_; }

  class Share {
   public:
    explicit Share(BytesInFlight& of) : of_(of) {}
    ~Share() { hold(0); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // Holds `bytes` from now on, instead of what it held. False, and it still holds what it held: there are
    // not as many left.
    bool hold(std::size_t bytes) {
      const std::size_t others = of_.held_ - bytes_;
      if (bytes > kAlways && others + bytes > of_.max_) return false;
      of_.held_ = others + bytes;
      bytes_ = bytes;
      return true;
    }

   private:
    BytesInFlight& of_;
    std::size_t bytes_ = 0;
  };

 private:
  std::size_t max_;
  std::size_t held_ = 0;
};

}  // namespace medsynth::api
