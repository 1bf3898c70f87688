// The screen of `medsynth top` as lines. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/cli/top/view.h"

namespace medsynth::cli::top {

struct Size {
  std::size_t rows = 0;     // 0: as many as there are lines
  std::size_t columns = 0;  // 0: as many as the longest needs
};

// What a terminal makes of a line besides its words, which say the same.
enum class Style { plain, title, selected, alarming, faint };

struct Line {
  Text text;
  Style style = Style::plain;
};

// At most `size.rows` lines of at most `size.columns` characters; `ascii`: no others. With no rows to keep to it is
// what there is to read: no selection and no keys.
std::vector<Line> draw(const Now& now, const View& view, Size size, bool ascii, WallTime time);

}  // namespace medsynth::cli::top
