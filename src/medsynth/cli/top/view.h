// What a person looks at in `medsynth top`, and what keys change. Pure.
//
//   const auto action = press(Key::pause, listing, view);   // asks: view.question
//   const auto action = press(Key::yes, listing, view);     // {pause, "medsynth"}
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "medsynth/cli/top/panes.h"

namespace medsynth::cli::top {

enum class Key { none, up, down, next_pane, previous_pane, pause, drop, cancel, yes, help, quit, other };

struct Action {
  enum class Kind { pause, resume, drop, cancel } kind;
  std::string name;  // of the queue, model or task
};

// A line stays selected while it is there; then the one in its place is.
struct Selection {
  std::string key;
  std::size_t index = 0;

  // Where it is among these; 0 where there is none.
  std::size_t in(const Listing& listing) const;
};

struct View {
  Pane pane = Pane::machines;
  std::array<Selection, kPanes.size()> selections;
  bool help = false;
  std::optional<Action> question;  // waits for a yes
  Text note;                       // what came of the last key or action

  Selection& selection() { return selections[static_cast<std::size_t>(pane)]; }
  const Selection& selection_of(Pane which) const { return selections[static_cast<std::size_t>(which)]; }
};

Text question_of(const Action& action);

// What `key` does: changes the view, and is the action that was asked for before. `listing` is that of the view's
// pane. quit is the caller's.
std::optional<Action> press(Key key, const Listing& listing, View& view);

}  // namespace medsynth::cli::top
