// The terminal of `medsynth top`, by ncurses: the only file that knows it. Not thread safe; one at a time.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "medsynth/base/error.h"
#include "medsynth/cli/top/frame.h"

namespace medsynth::cli::top {

// Whether the locale's characters are UTF-8.
bool has_unicode();

class Terminal {
 public:
  // Takes the terminal that stdin and stdout are, until it is destroyed. invalid_argument: TERM names none that is
  // known.
  static Result<Terminal> open();

  Size size() const;
  void show(const std::vector<Line>& lines);
  // The next key, none after `patience` without one or where the size has changed; quit where the terminal is gone.
  Key next(std::chrono::milliseconds patience);

 private:
  struct Close {
    void operator()(void* screen) const;
  };
  std::unique_ptr<void, Close> screen_;
  bool colours_ = false;
};

}  // namespace medsynth::cli::top
