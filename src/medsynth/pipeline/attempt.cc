#include "medsynth/pipeline/attempt.h"

namespace medsynth::pipeline {
namespace {

Attempt at(Attempt attempt, Effect effect) {
  attempt.effect = effect;
  return attempt;
}

Attempt ending(Attempt attempt, End end, Effect effect) {
  attempt.end = end;
  return at(attempt, effect);
}

// It may run, unless it is known already how it ends; only a record that is ours is written.
Attempt begun(const Attempt& attempt) {
  if (!attempt.end) return at(attempt, Effect::run);
  return at(attempt, attempt.opened ? Effect::record : Effect::settle);
}

// One that cannot run ends in its record, too: it is started like the others, and ends instead of running.
Attempt on(const Attempt& attempt, const Unfit& unfit) {
  Attempt then = ending(attempt, unfit.end, Effect::start);
  then.record = attempt.effect == Effect::prepare ? unfit.record : attempt.record;
  return then;
}

Attempt on(const Attempt& attempt, const Started& started) {
  Attempt then = attempt;
  then.marked = true;
  then.opened = started.opened;
  then.written = started.written;
  if (!then.end && started.too_many) then.end = End::failed;
  if (!then.end && started.deaths > 0 && !attempt.exclusive) {
    then.opened = started.written;  // else it is looked at anew
    then.exclusive = true;
    return at(then, Effect::unmark);
  }
  if (!then.end && started.aborted) then.end = End::cancelled;
  if (then.record && !then.opened) return at(then, Effect::open);
  return begun(then);
}

Attempt on(const Attempt& attempt, const Ran& ran) {
  return begun(ending(attempt, ran.end, Effect::run));
}

// The next one to fetch it begins anew.
Attempt on(const Attempt& attempt, const Postponed&) {
  return at(attempt, attempt.written ? Effect::release : Effect::give_back);
}
Attempt on(const Attempt& attempt, const Interrupted&) {
  return at(attempt, attempt.opened ? Effect::release : Effect::give_back);
}

// Redis will never do it: people find it among the dead letters, with the reason.
Attempt on(const Attempt& attempt, const Refused&) {
  switch (attempt.effect) {
    case Effect::unmark:
      return at(attempt, Effect::enter);
    case Effect::release:
      return at(attempt, Effect::give_back);
    case Effect::forget:
      return at(attempt, Effect::none);
    case Effect::bury:
      return attempt;  // nothing is left but to try again
    default:
      return ending(attempt, End::failed, Effect::bury);
  }
}

// Before it ran, the message goes back; afterwards it is left to recovery, which finds the record as it is.
Attempt on(const Attempt& attempt, const GaveUp&) {
  switch (attempt.effect) {
    case Effect::enter:
    case Effect::start:
    case Effect::unmark:
    case Effect::open:
    case Effect::release:
      return at(attempt, Effect::give_back);
    default:
      return at(attempt, Effect::none);
  }
}

Attempt on(const Attempt& attempt, const Done&) {
  switch (attempt.effect) {
    case Effect::unmark: {
      Attempt then = at(attempt, Effect::enter);
      then.marked = false;
      return then;
    }
    case Effect::record:
      return at(attempt, Effect::settle);
    case Effect::release:
      return at(attempt, Effect::give_back);
    case Effect::settle:
      return at(attempt, attempt.end == End::cancelled ? Effect::forget : Effect::none);
    default:
      return at(attempt, Effect::none);
  }
}

// Which events come of which effects; all others change nothing.
bool comes_of(const Event& event, Effect effect) {
  using enum Effect;
  const auto one_of = [effect](auto... effects) { return ((effect == effects) || ...); };
  struct {
    decltype(one_of) one_of;
    Effect effect;
    bool operator()(const NotNow&) const { return false; }  // nothing changes
    bool operator()(const GaveUp&) const { return !one_of(none, prepare, run); }
    bool operator()(const Refused&) const {
      return one_of(start, unmark, open, record, release, settle, bury, forget);
    }
    bool operator()(const Ready&) const { return one_of(prepare); }
    bool operator()(const Unfit&) const { return one_of(prepare, admit); }
    bool operator()(const TooEarly&) const { return one_of(prepare); }
    bool operator()(const Granted&) const { return one_of(admit, enter); }
    bool operator()(const Crowded&) const { return one_of(enter); }
    bool operator()(const Postponed&) const { return one_of(admit, enter, run); }
    bool operator()(const CancelledWaiting&) const { return one_of(admit, enter); }
    bool operator()(const Started&) const { return one_of(start); }
    bool operator()(const Lost&) const { return one_of(start, settle, bury); }
    bool operator()(const Opened&) const { return one_of(open); }
    bool operator()(const Taken&) const { return one_of(open); }
    bool operator()(const HasEnded&) const { return one_of(open); }
    bool operator()(const Ran&) const { return one_of(run); }
    bool operator()(const Interrupted&) const { return one_of(run); }
    bool operator()(const Stale&) const { return one_of(record); }
    bool operator()(const Done&) const {
      return one_of(unmark, record, release, settle, bury, forget, give_back, drop);
    }
  } const allowed{one_of, effect};
  return std::visit(allowed, event);
}

Attempt on(const Attempt& attempt, const NotNow&) {
  return attempt;
}
Attempt on(const Attempt& attempt, const Ready& ready) {
  Attempt then = at(attempt, ready.admission ? Effect::admit : Effect::enter);
  then.record = ready.record;
  return then;
}
Attempt on(const Attempt& attempt, const TooEarly&) {
  return ending(attempt, End::moved, Effect::settle);
}
Attempt on(const Attempt& attempt, const Granted&) {
  return at(attempt, attempt.effect == Effect::admit ? Effect::enter : Effect::start);
}
Attempt on(const Attempt& attempt, const Crowded&) {
  return attempt.marked ? at(attempt, Effect::unmark) : attempt;
}
Attempt on(const Attempt& attempt, const CancelledWaiting&) {
  return ending(attempt, End::cancelled, Effect::start);
}
Attempt on(const Attempt& attempt, const Lost&) {
  return at(attempt, Effect::drop);
}
Attempt on(const Attempt& attempt, const Opened&) {
  Attempt then = attempt;
  then.opened = then.written = true;
  return begun(then);
}
// Is it still ours? Then a new attempt writes how this one ended.
Attempt on(const Attempt& attempt, const Stale&) {
  Attempt then = at(attempt, Effect::start);
  then.opened = then.written = false;
  return then;
}
// Its record is another's, or has been written: the message alone is left.
Attempt on(const Attempt& attempt, const Taken&) {
  return ending(attempt, End::failed, Effect::settle);
}
Attempt on(const Attempt& attempt, const HasEnded& ended) {
  return ending(attempt, ended.end, Effect::settle);
}

}  // namespace

Attempt next(const Attempt& attempt, const Event& event) {
  if (!comes_of(event, attempt.effect)) return attempt;
  return std::visit([&](const auto& happened) { return on(attempt, happened); }, event);
}

}  // namespace medsynth::pipeline
