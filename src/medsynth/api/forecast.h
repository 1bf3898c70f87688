// When may those that wait start? What they wait for is held by running tasks; each that ends lets the next one
// of the line in. How long tasks run is drawn, again and again, from how long they ran lately: 90 of 100 draws
// lie in the interval. Pure.
//
//   const Forecast forecast({{.elapsed = 2, .run_times = {4, 5, 6}}}, {4, 5, 6});
//   forecast.at(1);       // the next one: in 2 to 5 s
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "medsynth/tasks/record.h"

namespace medsynth::api {

class Forecast {
 public:
  struct Holder {
    double elapsed = 0;             // seconds that it has run
    std::vector<double> run_times;  // seconds that its like ran
  };
  // `run_times`: how long those ahead in line will run, drawn from these.
  Forecast(const std::vector<Holder>& holders, const std::vector<double>& run_times);

  // For one at this place in line, 1 is next. Whole seconds: reports are that old. nullopt: nobody holds what
  // is waited for, or too few tasks have run to say.
  std::optional<tasks::Estimate> at(std::int64_t place) const;

 private:
  std::vector<tasks::Estimate> steps_;  // of the first places
  tasks::Estimate further_;             // what each place behind them adds
};

}  // namespace medsynth::api
