// The parts of a clause, and which of them is what: exposure, outcome, comparator, population. Internal to
// the reader of findings.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medsynth/contradiction/findings/cues.h"
#include "medsynth/contradiction/findings/findings.h"

namespace medsynth::contradiction {

// Units [begin, end) behind a preposition ("" for none).
struct Part {
  std::string_view preposition;
  std::size_t begin = 0, end = 0;
};
using Parts = std::vector<Part>;

// A finding before its enumerations are taken apart.
struct Frame {
  Parts exposure, comparator, outcome, population;
};

// Looks at the units of one sentence; owns nothing.
class Roles {
 public:
  Roles(const std::vector<Piece>& units, std::string_view text) : units_(units), text_(text) {}

  const std::string& word(std::size_t at) const;  // "" beyond the end
  Role role(std::size_t at) const { return at < units_.size() ? units_[at].item.entry.role : Role::stop; }

  Parts parts(std::size_t begin, std::size_t end) const;
  float worth(const Part& part) const;
  float worth(const Parts& parts) const;

  // What stands before a group of cues and behind it.
  Frame assign(const CueGroup& group, Parts before, Parts after) const;

 private:
  bool is_preposition(std::size_t at) const;
  bool people(const Part& part) const;
  std::optional<Part> take(Parts& from, std::string_view prepositions) const;
  std::optional<Part> take_first(Parts& from) const;
  Parts take_named(Parts& from) const;
  Parts take_group(Parts& from, std::string_view prepositions) const;
  Parts take_treated(Parts& from) const;
  bool split_pair(const Part& part, Part& first, Part& second) const;
  std::optional<Part> listed(const Parts& parts) const;
  void take_comparators(Parts& side, Frame& frame) const;
  void leading(Parts& before, Frame& frame) const;
  void relation(Parts& before, Parts& after, Frame& frame) const;
  void change(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const;
  bool protection(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const;
  bool said_at_the_end(const CueGroup& group, Parts& before, const Parts& after, Frame& frame) const;
  void absorb(Parts& from, std::size_t at, std::string_view prepositions, Parts& to) const;
  void difference(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const;
  void noun(const CueGroup& group, Parts& before, Parts& after, Frame& frame) const;
  bool passive(const CueGroup& group) const;
  bool changes(const CueGroup& group) const;
  bool outcome_stands_before(const CueGroup& group, const Parts& before, const Parts& after) const;

  const std::vector<Piece>& units_;
  std::string_view text_;
};

}  // namespace medsynth::contradiction
