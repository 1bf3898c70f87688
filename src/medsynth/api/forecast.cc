#include "medsynth/api/forecast.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <queue>
#include <random>

namespace medsynth::api {
namespace {

constexpr std::size_t kFewest = 3;  // run times: of fewer nothing follows
constexpr int kDraws = 100;
constexpr std::size_t kSteps = 50;  // what lies behind so many that start first is reckoned with their mean
constexpr double kLow = 0.05, kHigh = 0.95;
constexpr double kReportAge = 1;  // seconds

class Dice {
 public:
  std::size_t below(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(engine_);
  }
  double fraction() { return std::uniform_real_distribution<double>(0, 1)(engine_); }
  double one_of(const std::vector<double>& values) { return values[below(values.size())]; }

 private:
  std::minstd_rand engine_{1};  // the same question has the same answer
};

// Of those that ran longer than it has by now. One that has outrun them all may be anywhere in its run.
double remaining(const Forecast::Holder& holder, Dice& dice) {
  std::vector<double> longer;
  for (const double each : holder.run_times)
    if (each > holder.elapsed) longer.push_back(each);
  return longer.empty() ? holder.elapsed * dice.fraction() : dice.one_of(longer) - holder.elapsed;
}

tasks::Estimate interval(std::vector<double> draws) {
  std::sort(draws.begin(), draws.end());
  const auto at = [&](double part) {
    return draws[static_cast<std::size_t>(part * static_cast<double>(draws.size() - 1))];
  };
  return {at(kLow), at(kHigh)};
}

}  // namespace

Forecast::Forecast(const std::vector<Holder>& holders, const std::vector<double>& run_times) {
  if (holders.empty() || run_times.size() < kFewest) return;
  Dice dice;
  std::vector<std::vector<double>> starts(kSteps);
  std::vector<double> further;
  std::vector<double> drawn(run_times.size());
  for (int draw = 0; draw < kDraws; ++draw) {
    // Drawn anew each time (a bootstrap): a mean of few run times is not known well, and far behind in line
    // that is most of the doubt.
    for (double& each : drawn) each = dice.one_of(run_times);
    std::priority_queue<double, std::vector<double>, std::greater<>> ends;
    for (const Holder& holder : holders) ends.push(remaining(holder, dice));
    for (std::vector<double>& of_step : starts) {
      const double start = ends.top();
      ends.pop();
      of_step.push_back(start);
      ends.push(start + dice.one_of(drawn));
    }
    const double sum = std::accumulate(drawn.begin(), drawn.end(), 0.0);
    further.push_back(sum / static_cast<double>(drawn.size() * holders.size()));
  }
  for (std::vector<double>& of_step : starts) steps_.push_back(interval(std::move(of_step)));
  further_ = interval(std::move(further));
}

std::optional<tasks::Estimate> Forecast::at(std::int64_t place) const {
  if (steps_.empty() || place < 1) return std::nullopt;
  const auto step = std::min<std::int64_t>(place, static_cast<std::int64_t>(steps_.size()));
  tasks::Estimate estimate = steps_[static_cast<std::size_t>(step - 1)];
  const auto behind = static_cast<double>(place - step);
  estimate.low += behind * further_.low;
  estimate.high += behind * further_.high;
  return tasks::Estimate{std::floor(std::max(0.0, estimate.low - kReportAge)),
                         std::ceil(estimate.high + kReportAge)};
}

}  // namespace medsynth::api
