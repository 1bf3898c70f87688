// What a word says about a topic, 0..1: rare words say much, words of every abstract nothing. From the number
// of abstracts that use it (data/word_counts.txt). Pure, thread safe.
#pragma once

#include <string_view>

namespace medsynth::contradiction {

// `root` as of text.h. Unknown words are rare ones.
float worth_of(std::string_view root);

}  // namespace medsynth::contradiction
