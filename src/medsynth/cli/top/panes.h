// What the screen of `medsynth top` lists: the server's state as lines of panes. Pure.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "medsynth/base/clock.h"
#include "medsynth/cli/output.h"
#include "medsynth/cli/top/now.h"

namespace medsynth::cli::top {

enum class Pane { machines, running, waiting, models, queues };
inline constexpr std::array kPanes{Pane::machines, Pane::running, Pane::waiting, Pane::models, Pane::queues};

struct Item {
  std::string key;   // of its line, among those of its pane
  std::string name;  // of the task, model or queue in calls
  Row cells;
  Text detail = {};        // more than its line says; empty: nothing
  bool alarming = false;   // closed, failed or paused, as its cells say too
  bool is_paused = false;  // a queue
};

struct Listing {
  std::vector<Column> columns;
  std::vector<Item> items;
  Text empty;  // what it means that there is none
};

// `wide`: there is room for bars.
Listing listing_of(Pane pane, const Now& now, WallTime time, bool wide);

// How it is in all, in a line: slots, what waits, memory of models.
Text summary_of(const Now& now);

}  // namespace medsynth::cli::top
