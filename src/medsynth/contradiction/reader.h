// The reading of one claim, word by word. Internal to claim.cc and reader.cc. One state (the clause being read) in
// three sources, by what a word may be: reader.cc goes through them, reader_effects.cc knows effects,
// reader_clauses.cc ends of clauses.
#pragma once

#include <initializer_list>
#include <optional>

#include "medsynth/contradiction/claim.h"
#include "medsynth/contradiction/scopes.h"

namespace medsynth::contradiction {

// Follows a text through its clauses: what was said before an effect is its agent, what comes after its
// outcome, and a negation waits for the effect it concerns. One object per claim.
class Reader {
 public:
  explicit Reader(Claim& claim) : claim_(claim) {}
  void sentence(std::vector<Item> items, bool question = false);

 private:
  enum class Slot { main, setting, comparator, cause };

  // What is known of the clause being read.
  struct Clause {
    Words left, setting, comparator;  // met before the first effect
    bool left_less = false;
    std::size_t head_end = 0;  // "mortality |of patients with X was higher than ..."; 0: no such parts
    bool subject = false;      // something was said before the first effect
    bool pronoun = false;
    int open = -1;  // the effect being read
    Words cause;    // "with aspirin", "by aspirin" after the outcome of `open`
    Slot slot = Slot::main;
    bool as_much = false;      // "as common in A", "twice as likely": an "as" before what it is compared with
    bool between = false;      // "between A and B": the next "and" parts two things
    bool gap = false;          // topic words since the effect
    bool joined = false;       // "and", "or" or a comma since the last word
    bool preposition = false;  // since the effect
    bool passive = false;      // the effect stands after a form of "to be"
    bool predicative = false;  // the effect is what something "was"
    bool preposition_seen = false;  // the first one after the effect has been dealt with
    bool be = false;                // the last word was a form of "to be"
    bool negation_pending = false;
    bool statistical = false;  // the pending negation, or what follows it, speaks of significance
    bool ellipsis = false;     // the last word was "did": "..., semaglutide did."
    bool observed = false;     // "was observed" came after the effect
    bool reported = false;     // the word after the pending negation is "observed" or the like
    Words after_negation;
    std::optional<Span> negation;
    bool hedged = false;
    bool unknown = false;
  };

  void read(std::size_t at);
  bool says_something_next(std::size_t at) const;
  void content(const Item& item, const Entry& entry);
  void negation(const Item& item);
  bool of_comparator() const;
  void observed(bool significant);
  void flip(std::size_t at);
  void effect(std::size_t at);
  void preposition(const Item& item);
  void symbol(const Item& item);
  void that(std::size_t at);
  bool describes(std::size_t at);
  Effect begin_effect(const Item& item);
  void make_agent_of(Effect& before, Effect& effect);
  void give_agent(Effect& effect);
  void compose(Effect& outer, const Item& item);
  void turn_round();
  void develops(std::size_t at);
  bool is_attributive(std::size_t at) const;
  bool is_intransitive(std::size_t at) const;
  bool bounds_a_number(std::size_t at) const;
  bool names_a_quantity(std::size_t at) const;
  bool gives_way(const Effect& first) const;
  void resolve_negation();
  void close_effect();
  void end_clause(std::size_t at);  // the byte
  Words& target();
  Effect* open() {
    return clause_.open < 0 ? nullptr : &claim_.effects[static_cast<std::size_t>(clause_.open)];
  }

  Claim& claim_;
  std::vector<Item> items_;
  std::vector<Status> status_;  // of each item
  bool at_start_ = false;       // the pending negation opened the sentence
  Clause clause_;
  std::size_t first_of_sentence_ = 0;  // effects before it belong to earlier sentences
  Words last_agent_;
};

// A word as heavy as this names something of its own; lighter ones ("risk", "treatment") only accompany.
inline constexpr float kHeavy = .5F;

// What a kind says of its genus: "MMR vaccine" is about vaccines, but not the same as "flu vaccine".
inline constexpr float kParentWeight = .4F;

bool heavy(const Words& words);
bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words);
void append(Words& to, Words& from);  // and leaves `from` empty

// "10 mg", "5%", "12 weeks", "aged 65", "2019", "p < 0.05".
std::vector<Measure> read_measures(const std::vector<Token>& tokens);

}  // namespace medsynth::contradiction
