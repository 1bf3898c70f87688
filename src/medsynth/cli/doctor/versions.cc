#include "medsynth/cli/doctor/versions.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace medsynth::cli::doctor {
namespace {

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// '~' before the end, letters before everything else.
int order(char c) {
  if (c == '~') return -1;
  if (c == '\0' || is_digit(c)) return 0;
  return std::isalpha(static_cast<unsigned char>(c)) ? c : c + 256;
}

int compare_part(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  const auto at = [](std::string_view text, std::size_t index) {
    return index < text.size() ? text[index] : '\0';
  };
  while (i < a.size() || j < b.size()) {
    while ((i < a.size() && !is_digit(a[i])) || (j < b.size() && !is_digit(b[j]))) {
      if (const int apart = order(at(a, i)) - order(at(b, j)); apart != 0) return apart;
      if (i < a.size() && !is_digit(a[i])) ++i;
      if (j < b.size() && !is_digit(b[j])) ++j;
    }
    const auto number = [](std::string_view text, std::size_t& index) {
      const std::size_t start = std::min(text.find_first_not_of('0', index), text.size());
      for (index = start; index < text.size() && is_digit(text[index]);) ++index;
      return text.substr(start, index - start);
    };
    const std::string_view x = number(a, i), y = number(b, j);
    if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
    if (const int apart = x.compare(y); apart != 0) return apart;
  }
  return 0;
}

struct Version {
  std::string_view epoch = "0", upstream, revision;
};
Version split(std::string_view text) {
  Version version;
  if (const std::size_t colon = text.find(':'); colon != text.npos) {
    version.epoch = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  const std::size_t dash = text.rfind('-');
  version.upstream = text.substr(0, dash);
  if (dash != text.npos) version.revision = text.substr(dash + 1);
  return version;
}

struct Fix {
  std::string_view version;
  std::string_view holes;  // with spaces between
};
// Debian 12's redis, from its changelog.
constexpr std::array<Fix, 9> kDebian12{{
    {"5:7.0.15-1~deb12u2", "CVE-2024-31227 CVE-2024-31228 CVE-2024-31449"},
    {"5:7.0.15-1~deb12u3", "CVE-2024-46981 CVE-2024-51741"},
    {"5:7.0.15-1~deb12u4", "CVE-2025-21605"},
    {"5:7.0.15-1~deb12u5", "CVE-2025-27151 CVE-2025-32023 CVE-2025-48367"},
    {"5:7.0.15-1~deb12u6", "CVE-2025-46817 CVE-2025-46818 CVE-2025-46819 CVE-2025-49844"},
    {"5:7.0.15-1~deb12u7", "CVE-2025-67733 CVE-2026-21863"},
    {"5:7.0.15-1~deb12u8", "CVE-2026-23631 CVE-2026-25243"},
    {"5:7.0.15-1~deb12u9", "CVE-2026-66373"},
    {"5:7.0.15-1~deb12u10", "CVE-2026-81934 CVE-2026-92925"},
}};

// The release of each branch that closes the holes of October 2025; 7.0 has none.
struct Branch {
  int major, minor, patch;
};
constexpr std::array<Branch, 4> kBranches{{{7, 2, 11}, {7, 4, 6}, {8, 0, 4}, {8, 2, 2}}};
constexpr std::string_view kOctober2025 = "CVE-2025-46817 CVE-2025-46818 CVE-2025-46819 CVE-2025-49844";

void append(std::vector<std::string>& names, std::string_view words) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    names.emplace_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

}  // namespace

int compare_debian(std::string_view a, std::string_view b) {
  const Version x = split(a), y = split(b);
  if (const int apart = compare_part(x.epoch, y.epoch); apart != 0) return apart;
  if (const int apart = compare_part(x.upstream, y.upstream); apart != 0) return apart;
  return compare_part(x.revision, y.revision);
}

bool knows_package(std::string_view version) {
  if (version.empty() || version.find("ubuntu") != version.npos) return false;  // has fixes of its own
  return version.starts_with("5:7.0.15-1~deb12u") || compare_debian(version, "5:7.0.15-1~deb12u1") < 0;
}

KnownHoles holes_of_package(std::string_view version) {
  KnownHoles known;
  if (!knows_package(version)) return known;
  for (const Fix& fix : kDebian12) {
    if (compare_debian(version, fix.version) >= 0) continue;
    append(known.holes, fix.holes);
    known.fixed_in = kDebian12.back().version;
  }
  return known;
}

KnownHoles holes_of_release(std::string_view version) {
  KnownHoles known;
  const std::vector<int> numbers = version_numbers(version);
  if (numbers.size() < 2) return known;
  const auto branch = std::find_if(kBranches.begin(), kBranches.end(), [&](const Branch& each) {
    return each.major == numbers[0] && each.minor == numbers[1];
  });
  const bool none_of_its_own = branch == kBranches.end();
  if (none_of_its_own && numbers >= std::vector{8, 2}) return known;  // later than all of them
  if (!none_of_its_own && (numbers.size() > 2 ? numbers[2] : 0) >= branch->patch) return known;
  append(known.holes, kOctober2025);
  const Branch& to = none_of_its_own ? kBranches[0] : *branch;
  known.fixed_in = std::to_string(to.major) + "." + std::to_string(to.minor) + "." + std::to_string(to.patch);
  return known;
}

std::vector<int> version_numbers(std::string_view version) {
  std::vector<int> numbers;
  while (!version.empty()) {
    int number = 0;
    const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
    if (error != std::errc()) return {};
    numbers.push_back(number);
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    if (!version.starts_with('.')) break;  // "8.0.0-rc1"
    version.remove_prefix(1);
  }
  return numbers;
}

}  // namespace medsynth::cli::doctor
