// medsynth keys create | list | revoke: the file of keys that a server of this machine reads
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/api/audit_file.h"
#include "medsynth/api/key_file.h"
#include "medsynth/api/tls.h"
#include "medsynth/base/paths.h"
#include "medsynth/cli/app.h"

namespace medsynth::cli {
namespace {

std::filesystem::path file_of(const Session& session) {
  return api::key_file(data_dir(session.settings()));
}

struct Options {
  std::string name;
  std::string certificate;  // a file
  std::vector<std::string> scopes, queues, models;
  std::optional<double> lifetime;  // seconds
  std::string rate;
  api::CallerLimits limits;
};

Result<api::KeyRequest> request_of(const Options& options) {
  api::KeyRequest request{.name = options.name,
                          .scopes = {},
                          .queues = options.queues,
                          .models = options.models,
                          .limits = options.limits};
  if (!options.rate.empty()) {
    BOOST_OUTCOME_TRY(request.limits.rate, api::parse_rate("--rate", options.rate));
  }
  for (const std::string& name : options.scopes) {
    const auto scope = described::enum_from<api::Scope>(name);
    if (!scope)
      return invalid("--scope", fmt::format("must be one or more of {}",
                                            fmt::join(described::enum_names<api::Scope>(), ", ")));
    request.scopes.push_back(*scope);
  }
  if (!options.certificate.empty()) {
    BOOST_OUTCOME_TRY(request.certificate, api::fingerprint_of(options.certificate));
  }
  if (options.lifetime) request.lifetime = std::chrono::seconds(static_cast<std::int64_t>(*options.lifetime));
  return request;
}

std::vector<std::string_view> scope_names(const api::Key& key) {
  std::vector<std::string_view> names;
  for (const api::Scope each : key.scopes) names.push_back(described::enum_name(each));
  return names;
}

std::string_view state_name(const api::Key& key) {
  return described::enum_name(api::state_of(key, system_clock().now()));
}

// Without salt and hash, which are nobody's business.
json::object as_json(const api::Key& key) {
  json::object out = described::to_value(key).get_object();
  out.erase("salt");
  out.erase("hash");
  out["state"] = state_name(key);
  return out;
}

int create(const Session& session, const Options& options) {
  const auto request = request_of(options);
  if (!request) return fail(request.error());
  const auto made =
      api::create_key(file_of(session), *request, system_clock().now(), api::audit_file(session.settings()));
  if (!made) return fail(made.error());
  json::object out = as_json(made->key);
  if (!made->token.empty()) out["token"] = made->token;
  if (session.format == Format::json) return print_json(out), 0;
  const std::string folder = Text(data_dir(session.settings()).string()).str();
  if (made->key.certificate)
    return print(fmt::format("'{}' is whoever shows that certificate to a server over {} that asks for it "
                             "(--tls-client-ca).",
                             made->key.name, folder)),
           0;
  print(made->token);
  fmt::print(
      stderr,
      "This is the key, and it is shown this once. Clients send it as 'Authorization: Bearer KEY'; "
      "'medsynth login' keeps it for commands.\nServers over {} want a key of every caller from now on.\n",
      folder);
  return 0;
}

std::string names_or_any(const std::vector<std::string>& names) {
  return names.empty() ? "any" : fmt::format("{}", fmt::join(names, ", "));
}

std::string limits_or_none(const api::CallerLimits& limits) {
  return limits.empty() ? "-" : api::limits_text(limits);
}

int list(const Session& session) {
  const auto keys = api::load_keys(file_of(session));
  if (!keys) return fail(keys.error());
  json::array all;
  std::vector<Row> rows;
  for (const api::Key& key : keys->keys) {
    all.push_back(as_json(key));
    rows.push_back({key.id, key.name, fmt::format("{}", fmt::join(scope_names(key), ", ")),
                    names_or_any(key.queues), names_or_any(key.models), limits_or_none(key.limits),
                    std::string(state_name(key)), ago(key.created_at), key.expires_at.value_or("never")});
  }
  if (session.format == Format::json) return print_json(json::object{{"keys", std::move(all)}}), 0;
  if (rows.empty())
    return print(
               "No keys: on loopback everybody on this machine may call. Create one: medsynth keys create "
               "NAME --scope read,submit"),
           0;
  print(table(
      {{"ID"}, {"NAME"}, {"SCOPES"}, {"QUEUES"}, {"MODELS"}, {"LIMITS"}, {"STATE"}, {"CREATED"}, {"EXPIRES"}},
      rows));
  return 0;
}

int revoke(const Session& session, const std::string& which) {
  const auto key =
      api::revoke_key(file_of(session), which, system_clock().now(), api::audit_file(session.settings()));
  if (!key) return fail(key.error());
  if (session.format == Format::json) return print_json(as_json(*key)), 0;
  print(fmt::format("The key '{}' ({}) is revoked: servers refuse it within a second.", key->name, key->id));
  return 0;
}

}  // namespace

void add_key_commands(CLI::App& app, Run& chosen) {
  CLI::App* keys = app.add_subcommand("keys", "Keys that callers of the API need: create, list, revoke");
  keys->require_subcommand(1);
  {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        add_command(*keys, chosen, "create", "A key, shown this once; or one that is a client's certificate",
                    [=](const Session& session) { return create(session, *options); });
    command->add_option("NAME", options->name, "Whose or what for: answers and lists name the key so")
        ->required();
    command
        ->add_option(
            "--scope", options->scopes,
            "What it may do, one or more: read, submit, operate (cancel, delete, pause, replay), admin "
            "(everything)")
        ->delimiter(',')
        ->required();
    command->add_option("--expires", options->lifetime, "For how long it is valid: 12h, 90d (for ever)")
        ->transform(CLI::AsNumberWithUnit(
            std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}},
            CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"))
        ->check(CLI::Range(1.0, 3.15e9));
    command->add_option("--queue", options->queues,
                        "It may submit to these queues and change these only (any)");
    command->add_option(
        "--certificate", options->certificate,
        "Instead of a secret: the client's certificate (PEM), which opens wherever it is shown");
    command->add_option("--model", options->models, "What it submits must name one of these models (any)");
    command->add_option(
        "--rate", options->rate,
        "Requests that it may make: 20/s, 600/m, 5000/h; so many may come at once (any number)");
    command
        ->add_option(
            "--concurrent", options->limits.concurrent,
            "Requests that it may have under way at the same time, with those that wait (a quarter of the "
            "server's connections)")
        ->check(CLI::Range(1, 1'000'000));
    command
        ->add_option(
            "--bytes", options->limits.bytes_in_flight,
            "Bytes of its requests and answers under way: 32MB (half of MEDSYNTH_MAX_BYTES_IN_FLIGHT)")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(std::int64_t{1024 * 1024}, std::int64_t{1} << 40));
    command
        ->add_option(
            "--queue-length", options->limits.queue_length,
            "Messages that it may leave on a queue; others may leave more (MEDSYNTH_MAX_QUEUE_LENGTH)")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000'000}));
  }
  add_command(*keys, chosen, "list", "Every key, with its scopes and its state",
              [](const Session& session) { return list(session); });
  {
    auto which = std::make_shared<std::string>();
    CLI::App* command = add_command(*keys, chosen, "revoke", "End a key; it stays in the list",
                                    [=](const Session& session) { return revoke(session, *which); });
    command->add_option("KEY", *which, "Its name or id")->required();
  }
}

}  // namespace medsynth::cli
