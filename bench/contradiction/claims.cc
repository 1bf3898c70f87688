// Pairs a second of polarity, statistical and temporal on one core, reading both claims included: by the time
// of the processor, where other work on the machine counts little, and by the clock.
//
//   scripts/build release bench_claims && build/release/bin/bench_claims
#include <chrono>
#include <ctime>
#include <iostream>
#include <vector>

#include <fmt/format.h>

#include "medsynth/contradiction/judge.h"

#include "behaviour/pairs_file.h"

int main() {
  using namespace medsynth;
  using namespace medsynth::contradiction;
  const auto cpu = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };
  struct Rate {
    double cpu, clock;
  };
  std::cout << "| pairs | bytes a pair | pairs/s, read and compared | by the clock | pairs/s, read before |\n"
               "|---|---|---|---|---|\n";
  for (const char* file : {"tests/behaviour/groups.jsonl", "src/medsynth/contradiction/data/styles.jsonl"}) {
    const auto pairs = behaviour::read_pairs(file);
    double sum = 0, bytes = 0;
    std::vector<std::pair<Claim, Claim>> read;
    for (const auto& pair : pairs) {
      bytes += static_cast<double>(pair.claim1.size() + pair.claim2.size());
      read.emplace_back(read_claim(pair.claim1), read_claim(pair.claim2));
    }
    const auto rate = [&](auto&& one) {
      constexpr double kSeconds = 2;
      const double start = cpu();
      const auto began = std::chrono::steady_clock::now();
      std::size_t done = 0;
      for (; cpu() - start < kSeconds; done += pairs.size())
        for (std::size_t i = 0; i < pairs.size(); ++i) sum += score_of(one(i), built_in_combination());
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
      const auto pairs_done = static_cast<double>(done);
      return Rate{pairs_done / (cpu() - start), pairs_done / passed.count()};
    };
    const Rate whole = rate([&](std::size_t i) {
      const Claim first = read_claim(pairs[i].claim1), second = read_claim(pairs[i].claim2);
      return judge({first, pairs[i].claim1, second, pairs[i].claim2});
    });
    const Rate compared = rate([&](std::size_t i) {
      return judge({read[i].first, pairs[i].claim1, read[i].second, pairs[i].claim2});
    });
    std::cout << fmt::format("| {} of {} | {:.0f} | {:.0f} | {:.0f} | {:.0f} |\n", pairs.size(), file,
                             bytes / static_cast<double>(pairs.size()), whole.cpu, whole.clock, compared.cpu);
    if (sum < 0) return 1;  // keeps the work
  }
  return 0;
}
