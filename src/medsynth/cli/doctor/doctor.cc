// medsynth doctor
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/doctor/checks.h"
#include "medsynth/cli/doctor/look.h"
#include "medsynth/cli/doctor/report.h"
#include "medsynth/cli/screen.h"

namespace medsynth::cli {
namespace {

int run_doctor(const Session& session) {
  const Settings& settings = session.settings();
  doctor::Checks checks;
  const auto add = [&](doctor::Checks more) {
    std::move(more.begin(), more.end(), std::back_inserter(checks));
  };
  const doctor::RedisLook redis = doctor::look_at_redis(settings);
  const doctor::MachineFacts machine = doctor::look_at_machine(settings, redis.limits);
  add(doctor::redis_checks(redis.redis));
  add(doctor::machine_checks(machine));
  add(doctor::setting_checks(doctor::look_at_variables()));
  add(doctor::build_checks(doctor::look_at_build()));
  add(doctor::model_checks(doctor::look_at_models(settings), machine));
  add(doctor::server_checks(doctor::look_at_server(settings)));
  add(doctor::fleet_checks(redis.fleet));
  if (session.format == Format::json)
    print_json(described::to_value(checks));
  else
    print(doctor::report(checks, screen_width()));
  return doctor::any_failed(checks) ? 1 : 0;
}

}  // namespace

void add_doctor_command(CLI::App& app, Run& chosen) {
  add_command(app, chosen, "doctor",
              "Looks at Redis, the machine, the models, the workers and the server, and says what is wrong",
              run_doctor);
}

}  // namespace medsynth::cli
