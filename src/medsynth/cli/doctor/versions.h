// Which versions of Redis have holes that are known and closed in a later one. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace medsynth::cli::doctor {

// Less than 0, 0, or more: how two versions of Debian's packages compare (deb-version(7)).
int compare_debian(std::string_view a, std::string_view b);

struct KnownHoles {
  std::vector<std::string> holes;  // "CVE-2025-49844"; empty: none is known here
  std::string fixed_in;            // the version to have
};

// Of Debian 12's package, by its version "5:7.0.15-1~deb12u9". Source: its changelog up to deb12u10. Versions
// of other distributions have none that is known here.
KnownHoles holes_of_package(std::string_view version);
// True for a version whose holes this table knows.
bool knows_package(std::string_view version);

// Of Redis' own releases, by the version that INFO tells. The table knows one set of holes, that of October
// 2025 (scripts that leave the sandbox), and the release of each branch that closes it. A distribution may
// have closed them in a version that INFO does not tell apart.
KnownHoles holes_of_release(std::string_view version);

// The parts of "7.0.15" as numbers; empty when it is no version.
std::vector<int> version_numbers(std::string_view version);

}  // namespace medsynth::cli::doctor
