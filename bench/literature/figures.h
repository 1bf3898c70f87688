// What says how good a ranking is. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace medsynth::bench {

// Wilson's interval of `hits` of `count`, as text.
std::string interval(std::size_t hits, std::size_t count);
// The area under the curve of score for truth, and its interval by Hanley and McNeil, as text.
std::string auroc(const std::vector<std::pair<double, bool>>& scored);
double average_precision(std::vector<std::pair<double, bool>> scored);

}  // namespace medsynth::bench
