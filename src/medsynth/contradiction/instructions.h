// Whether a claim speaks to a language model instead of reporting something: what others wrote may want a verdict. Pure.
#pragma once

#include <string_view>

namespace medsynth::contradiction {

// True for marks of chat templates, turns of a talk, the prompt's own frame, and the usual ways to tell a model to
// forget what it was told or what to answer. It knows known ways: no list has all of them.
bool has_instructions(std::string_view claim);

}  // namespace medsynth::contradiction
