// Text that came from outside, made fit for people: for a terminal, and without its secrets. Thread safe (no
// state).
//
//   table row: printable(host)               "box\nroot" is shown as box\nroot, in one line
//   error:     masked(settings.redis_url)    "redis://eve:***@host/0"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace medsynth {

// `text` in one line that a terminal shows as it is: a line break as \n, a tab as \t, other control
// characters (U+0000-001F, U+007F-009F) as \x1b, bytes that are no UTF-8 as \xff, and what reorders or hides
// text (U+061C, U+200B-200F, U+2028-202E, U+2060-2064, U+2066-2069, U+FEFF, U+E0000-E0FFF) as \u202e. Everything
// else unchanged.
std::string printable(std::string_view text);

// `text`, an address or a message around one, without what may be its password. It does not rely on the
// address being well formed: everything from the scheme to the last '@' is hidden but for a plain user name;
// without an '@', what follows a host's ':' and is no port; and the values of options that carry secrets
// (password=, sentinel_password=, token=, ...). "redis://eve:pa/ss@h/0" is "redis://eve:***@h/0".
std::string masked(std::string_view text);

// `text` without the secrets of the API's keys, "medsynth_0123456789ab_***", and signatures of tokens, "eyJhbGci.e30.***".
std::string without_keys(std::string_view text);

// How many characters must be inserted, removed or replaced to make one of the other (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace medsynth
