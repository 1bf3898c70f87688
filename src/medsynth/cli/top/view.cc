#include "medsynth/cli/top/view.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace medsynth::cli::top {
namespace {

void move(std::ptrdiff_t lines, const Listing& listing, Selection& selection) {
  if (listing.items.empty()) return;
  const auto last = static_cast<std::ptrdiff_t>(listing.items.size()) - 1;
  const auto at = static_cast<std::ptrdiff_t>(selection.in(listing)) + lines;
  selection.index = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(at, 0, last));
  selection.key = listing.items[selection.index].key;
}

void turn(std::size_t panes, View& view) {
  view.pane = kPanes[(static_cast<std::size_t>(view.pane) + panes) % kPanes.size()];
}

// The action of a key on the selected line, to be asked about; what the key is for where it is none of this pane.
void ask(Key key, const Listing& listing, View& view) {
  const bool fits = key == Key::pause  ? view.pane == Pane::queues
                    : key == Key::drop ? view.pane == Pane::models
                                       : view.pane == Pane::running || view.pane == Pane::waiting;
  if (!fits || listing.items.empty()) {
    view.note = key == Key::pause  ? "p pauses or resumes a queue: go to one with Tab"
                : key == Key::drop ? "d drops a model from memory: go to one with Tab"
                                   : "c cancels a task: go to one with Tab";
    return;
  }
  const Item& item = listing.items[view.selection().in(listing)];
  using Kind = Action::Kind;
  const Kind kind = key == Key::drop     ? Kind::drop
                    : key == Key::cancel ? Kind::cancel
                    : item.is_paused     ? Kind::resume
                                         : Kind::pause;
  view.question = Action{kind, item.name};
}

}  // namespace

std::size_t Selection::in(const Listing& listing) const {
  const auto found = std::find_if(listing.items.begin(), listing.items.end(),
                                  [this](const Item& item) { return item.key == key; });
  if (found != listing.items.end()) return static_cast<std::size_t>(found - listing.items.begin());
  return listing.items.empty() ? 0 : std::min(index, listing.items.size() - 1);
}

Text question_of(const Action& action) {
  switch (action.kind) {
    case Action::Kind::pause:
      return fmt::format("Pause queue {}? Its tasks wait until it is resumed", action.name);
    case Action::Kind::resume:
      return fmt::format("Resume queue {}?", action.name);
    case Action::Kind::drop:
      return fmt::format("Drop model {} from memory? One in use goes with its last user", action.name);
    case Action::Kind::cancel:
      break;
  }
  return fmt::format("Cancel task {}?", action.name);
}

std::optional<Action> press(Key key, const Listing& listing, View& view) {
  if (key == Key::none) return std::nullopt;
  view.note = {};
  if (auto question = std::exchange(view.question, std::nullopt)) {
    if (key == Key::yes) return question;
    view.note = "nothing was changed";
    return std::nullopt;
  }
  if (std::exchange(view.help, false)) return std::nullopt;
  switch (key) {
    case Key::up:
      move(-1, listing, view.selection());
      break;
    case Key::down:
      move(1, listing, view.selection());
      break;
    case Key::next_pane:
      turn(1, view);
      break;
    case Key::previous_pane:
      turn(kPanes.size() - 1, view);
      break;
    case Key::pause:
    case Key::drop:
    case Key::cancel:
      ask(key, listing, view);
      break;
    case Key::help:
      view.help = true;
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace medsynth::cli::top
