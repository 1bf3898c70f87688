// A file descriptor that is closed with its owner. Not thread safe.
#pragma once

#include <unistd.h>

#include <utility>

namespace medsynth {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}  // negative: none
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(); }

  int operator*() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void reset(int number = -1) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }
  int release() { return std::exchange(number_, -1); }  // whose it is now closes it

 private:
  int number_ = -1;
};

}  // namespace medsynth
