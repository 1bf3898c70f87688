#include "medsynth/base/settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "medsynth/base/described.h"
#include "medsynth/base/text.h"

namespace medsynth {
namespace {

using Words = std::map<std::string, std::string, std::less<>>;

constexpr std::array kTable{
    Setting{.name = "redis_url",
            .environment = "REDIS_URL",
            .help = "Redis that keeps tasks and queues",
            .secret = true},
    Setting{.name = "redis",
            .environment = "MEDSYNTH_REDIS",
            .help = "Who runs Redis: auto starts one where a loopback address answers nothing, managed "
                    "always does, external never",
            .choices = "auto|managed|external"},
    Setting{.name = "redis_fsync",
            .environment = "MEDSYNTH_REDIS_FSYNC",
            .help = "How often the managed Redis flushes its log to disk",
            .choices = "everysec|always"},
    Setting{.name = "redis_memory",
            .environment = "MEDSYNTH_REDIS_MEMORY",
            .unit = "MB",
            .help = "Memory that the managed Redis may fill with tasks and results; 0: a quarter of the "
                    "machine's or container's",
            .maximum = 1e9},
    Setting{.name = "data_dir",
            .environment = "MEDSYNTH_DATA_DIR",
            .help = "Folder of the managed Redis and the models; empty: $XDG_DATA_HOME/medsynth"},
    Setting{.name = "task_storage_prefix",
            .environment = "TASK_STORAGE_PREFIX",
            .help = "Prefix of task records in Redis"},
    Setting{.name = "task_storage_ttl",
            .environment = "TASK_STORAGE_TTL",
            .unit = "s",
            .help = "How long an ended task is kept",
            .minimum = 1,
            .maximum = 3.15e9},
    Setting{.name = "max_cpu_percent",
            .environment = "MAX_CPU_PERCENT",
            .unit = "%",
            .help = "No task starts above this CPU use; 100 switches the gate off",
            .maximum = 100,
            .live = true},
    Setting{.name = "max_memory_percent",
            .environment = "MAX_MEMORY_PERCENT",
            .unit = "%",
            .help = "No task starts above this memory use; 100 switches the gate off",
            .maximum = 100,
            .live = true},
    Setting{.name = "max_gpu_percent",
            .environment = "MAX_GPU_PERCENT",
            .unit = "%",
            .help = "No task starts above this GPU use; 100 switches the gate off",
            .maximum = 100,
            .live = true},
    Setting{.name = "max_concurrent_tasks",
            .environment = "MAX_CONCURRENT_TASKS",
            .help = "Tasks that run at the same time on this machine",
            .minimum = 1,
            .maximum = 4096,
            .live = true},
    Setting{.name = "resource_check_interval",
            .environment = "RESOURCE_CHECK_INTERVAL",
            .unit = "s",
            .help = "How often the machine's use is measured",
            .minimum = 0.01,
            .maximum = 3600},
    Setting{.name = "runtime_dir",
            .environment = "MEDSYNTH_RUNTIME_DIR",
            .help = "Folder of this machine's slots and model locks; empty: /run/medsynth, else "
                    "/dev/shm/medsynth-<uid>"},
    Setting{.name = "host",
            .environment = "MEDSYNTH_HOST",
            .help = "This machine's name in reports; empty: its host name"},
    Setting{.name = "max_cached_models",
            .environment = "MAX_CACHED_MODELS",
            .help = "Models kept in memory",
            .minimum = 1,
            .maximum = 1000},
    Setting{.name = "model_cache_ttl",
            .environment = "MODEL_CACHE_TTL",
            .unit = "s",
            .help = "An unused model leaves memory after this time"},
    Setting{.name = "model_cache_check_interval",
            .environment = "MODEL_CACHE_CHECK_INTERVAL",
            .unit = "s",
            .help = "How often the memory of cached models is checked",
            .minimum = 0.01},
    Setting{.name = "model_cache_memory",
            .environment = "MEDSYNTH_MODEL_CACHE_MEMORY",
            .unit = "MB",
            .help = "Memory that a worker's cached models may take; 0: max_memory_percent of the machine's",
            .maximum = 1e9},
    Setting{.name = "models_dir",
            .environment = "MEDSYNTH_MODELS_DIR",
            .help = "Folder of model files; empty: <data_dir>/models"},
    Setting{.name = "models_catalogue",
            .environment = "MEDSYNTH_MODELS_CATALOGUE",
            .help = "Catalogue of model files; empty: <models_dir>/models.toml"},
    Setting{.name = "language_model",
            .environment = "MEDSYNTH_LANGUAGE_MODEL",
            .help = "Model that judges claims where a request names none; empty: the one that 'medsynth "
                    "models use' chose, else biomedlm"},
    Setting{.name = "entailment_model",
            .environment = "MEDSYNTH_ENTAILMENT_MODEL",
            .help = "Entailment model that judges claims where a request names no model; empty: the one that "
                    "'medsynth models use' chose"},
    Setting{.name = "hub_url",
            .environment = "HF_ENDPOINT",
            .help = "Where 'models pull hf:OWNER/REPO' fetches from: the hub, or a mirror of it"},
    Setting{.name = "hub_token",
            .environment = "HF_TOKEN",
            .help = "Token that 'models pull' shows the hub, for repositories that are private or gated",
            .secret = true,
            .has_flag = false},
    Setting{.name = "threads",
            .environment = "MEDSYNTH_THREADS",
            .help = "Threads of one inference; 0: as many as max_cpu_percent of the CPUs allows",
            .maximum = 1024},
    Setting{.name = "listen",
            .environment = "MEDSYNTH_LISTEN",
            .help = "Address and port of the API, port 0 picks a free one; or a unix socket, unix:/path"},
    Setting{.name = "insecure",
            .environment = "MEDSYNTH_INSECURE",
            .help = "Let in everybody on an address that other machines reach, while there is no key"},
    Setting{
        .name = "metrics",
        .environment = "MEDSYNTH_METRICS",
        .help = "Who may read /metrics where calls need a key: key, one with the scope read; open, anybody",
        .choices = "key|open"},
    Setting{
        .name = "tls_certificate",
        .environment = "MEDSYNTH_TLS_CERTIFICATE",
        .help =
            "Certificate (PEM, with its chain) of the API, which then speaks https alone; read anew when it "
            "changes"},
    Setting{.name = "tls_key",
            .environment = "MEDSYNTH_TLS_KEY",
            .help = "Its key (PEM); empty: in tls_certificate as well"},
    Setting{.name = "tls_self_signed",
            .environment = "MEDSYNTH_TLS_SELF_SIGNED",
            .help = "The API speaks https with a certificate of its own making, which clients must be given"},
    Setting{.name = "tls_client_ca",
            .environment = "MEDSYNTH_TLS_CLIENT_CA",
            .help = "Certificates (PEM) that vouch for clients' certificates, which then are keys ('medsynth "
                    "keys create --certificate')"},
    Setting{.name = "tls_client_certificates",
            .environment = "MEDSYNTH_TLS_CLIENT_CERTIFICATES",
            .help = "With tls_client_ca: whether clients without a certificate get a TLS connection",
            .choices = "optional|required"},
    Setting{.name = "jwt_issuer",
            .environment = "MEDSYNTH_JWT_ISSUER",
            .help = "Issuer (iss) whose signed tokens (JWT, OpenID Connect) are keys as well; empty: none"},
    Setting{.name = "jwt_audience",
            .environment = "MEDSYNTH_JWT_AUDIENCE",
            .help = "Audience (aud) that its tokens must name"},
    Setting{.name = "jwt_keys",
            .environment = "MEDSYNTH_JWT_KEYS",
            .help = "Its public keys (JWKS): an https:// address, which ca_file vouches for where that is "
                    "set, or a file, read anew when it changes"},
    Setting{.name = "jwt_claims",
            .environment = "MEDSYNTH_JWT_CLAIMS",
            .help =
                "Claims that say what a token may do and whose it is: scopes=CLAIM, name=CLAIM, "
                "queues=CLAIM, models=CLAIM, with commas between; realm_access.roles is a claim in a claim"},
    Setting{.name = "jwt_scopes",
            .environment = "MEDSYNTH_JWT_SCOPES",
            .help = "What in the claim of the scopes is one, such as medsynth-users=read, "
                    "medsynth-users=submit, ops=operate; others say nothing here"},
    Setting{.name = "jwt_leeway",
            .environment = "MEDSYNTH_JWT_LEEWAY",
            .unit = "s",
            .help = "How far the issuer's clock may be from this one",
            .maximum = 300},
    Setting{.name = "allowed_hosts",
            .environment = "MEDSYNTH_ALLOWED_HOSTS",
            .help = "Names that requests may have in Host besides those of loopback, with commas between; "
                    "empty: beyond loopback any"},
    Setting{.name = "path_prefix",
            .environment = "MEDSYNTH_PATH_PREFIX",
            .help = "Path under which a proxy has the API, such as /medsynth"},
    Setting{.name = "trusted_proxies",
            .environment = "MEDSYNTH_TRUSTED_PROXIES",
            .help =
                "Proxies that are believed who asks (Forwarded, X-Forwarded-For, -Proto, -Host): addresses, "
                "networks such as 10.0.0.0/8, or unix for whoever uses the unix socket, with commas between"},
    Setting{.name = "address_rate",
            .environment = "MEDSYNTH_ADDRESS_RATE",
            .help =
                "Requests that one address may make without a key, such as 20/s or 600/m; beyond it answers "
                "429; empty: any number"},
    Setting{
        .name = "address_concurrent",
        .environment = "MEDSYNTH_ADDRESS_CONCURRENT",
        .help = "Requests without a key that one address may have under way at the same time; 0: any number",
        .maximum = 1e6},
    Setting{
        .name = "audit_log",
        .environment = "MEDSYNTH_AUDIT_LOG",
        .help =
            "File that records each change and each refusal; auto: <data_dir>/audit.jsonl where calls need "
            "a key; off: none"},
    Setting{.name = "audit_log_size",
            .environment = "MEDSYNTH_AUDIT_LOG_SIZE",
            .unit = "MB",
            .help = "Size at which the audit log goes on in a new file; the old ones stay",
            .minimum = 1,
            .maximum = 1e6},
    Setting{.name = "workers",
            .environment = "MEDSYNTH_WORKERS",
            .help = "Worker processes that serve starts",
            .maximum = 64},
    Setting{.name = "queues",
            .environment = "MEDSYNTH_QUEUES",
            .help = "Queues that workers consume, with commas between"},
    Setting{
        .name = "namespace", .environment = "MEDSYNTH_NAMESPACE", .help = "Dramatiq's namespace in Redis"},
    Setting{
        .name = "result_keys",
        .environment = "MEDSYNTH_RESULT_KEYS",
        .help = "Where results of Dramatiq's messages are kept; readable: as with use_namespace_prefix_keys",
        .choices = "md5|readable"},
    Setting{.name = "grace",
            .environment = "MEDSYNTH_GRACE",
            .unit = "s",
            .help = "How long running tasks may finish after SIGTERM",
            .maximum = 86400},
    Setting{.name = "max_deaths",
            .environment = "MEDSYNTH_MAX_DEATHS",
            .help = "A message that killed this many workers becomes a dead letter; 0: never",
            .maximum = 1e6},
    Setting{.name = "max_queue_length",
            .environment = "MEDSYNTH_MAX_QUEUE_LENGTH",
            .help = "Messages that the API puts on a queue before it answers 503; 0: no bound",
            .maximum = 1e12},
    Setting{.name = "max_bytes_in_flight",
            .environment = "MEDSYNTH_MAX_BYTES_IN_FLIGHT",
            .unit = "MB",
            .help = "Memory of all requests and answers of the API together; beyond it answers 503",
            .minimum = 32,
            .maximum = 1e6},
    Setting{.name = "url",
            .environment = "MEDSYNTH_URL",
            .help = "Where commands find the server",
            .secret = true},
    Setting{.name = "token",
            .environment = "MEDSYNTH_TOKEN",
            .help = "Key that commands show the server; empty: that of token_file, else of 'medsynth login'",
            .secret = true,
            .has_flag = false},
    Setting{.name = "token_file",
            .environment = "MEDSYNTH_TOKEN_FILE",
            .help = "File with the key that commands show the server"},
    Setting{.name = "ca_file",
            .environment = "MEDSYNTH_CA_FILE",
            .help = "Certificates (PEM) that vouch for an https server; empty: the system's"},
    Setting{.name = "client_certificate",
            .environment = "MEDSYNTH_CLIENT_CERTIFICATE",
            .help = "Certificate (PEM) that commands show an https server that asks for one"},
    Setting{.name = "client_key",
            .environment = "MEDSYNTH_CLIENT_KEY",
            .help = "Its key (PEM); empty: in client_certificate as well"},
    Setting{.name = "log_level",
            .environment = "MEDSYNTH_LOG_LEVEL",
            .help = "Least level that is logged",
            .choices = "debug|info|warning|error"},
    Setting{
        .name = "log_format",
        .environment = "MEDSYNTH_LOG_FORMAT",
        .help =
            "auto: readable on a terminal, entries with fields in systemd's journal, JSON lines elsewhere",
        .choices = "auto|text|json"},
};

std::string_view member_to_name(std::string_view member) {
  return member.ends_with('_') ? member.substr(0, member.size() - 1) : member;
}

// --- variables of the environment

constexpr std::string_view kPrefix = "MEDSYNTH_";
// Names of other programs lie around too: so few wrong letters of so many are no coincidence.
constexpr std::size_t kLettersPerSlip = 6;
constexpr std::size_t kMaxSlips = 3;

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& each : out)
    if (each >= 'a' && each <= 'z') each = static_cast<char>(each - 'a' + 'A');
  return out;
}

// What Kubernetes and Docker's links make of a service called "medsynth": MEDSYNTH_SERVICE_HOST,
// MEDSYNTH_PORT_8000_TCP, ...
bool is_of_a_service(std::string_view name) {
  return name.starts_with("MEDSYNTH_SERVICE_") || name == "MEDSYNTH_PORT" ||
         name.starts_with("MEDSYNTH_PORT_");
}

// The variable that `name` was probably meant to be, "" when there is none like it.
std::string_view nearest_variable(std::string_view name) {
  const std::string given = upper(name);
  std::string_view nearest;
  std::size_t slips = std::min(kMaxSlips, given.size() / kLettersPerSlip) + 1;
  const auto look = [&](std::string_view word, std::string_view known, std::string_view variable) {
    if (const std::size_t d = edit_distance(word, known); d < slips) nearest = variable, slips = d;
  };
  for (const Setting& setting : kTable) {
    look(given, setting.environment, setting.environment);
    // The prefix where none belongs.
    if (given.starts_with(kPrefix))
      look(std::string_view(given).substr(kPrefix.size()), setting.environment, setting.environment);
  }
  return nearest;
}

// Calls visit(reference to the member) for the setting called `name`.
template <class S, class Visit>
void with_member(S&& settings, std::string_view name, Visit&& visit) {
  described::for_each_member<Settings>([&](std::string_view member, auto pointer) {
    if (member_to_name(member) == name) visit(settings.*pointer);
  });
}

bool is_choice(std::string_view choices, std::string_view text) {
  if (choices.empty()) return true;
  for (std::size_t at = 0; at <= choices.size();) {
    const std::size_t end = std::min(choices.find('|', at), choices.size());
    if (choices.substr(at, end - at) == text) return true;
    at = end + 1;
  }
  return false;
}

// Each overload sets `out` from text or says what is allowed.
std::string assign(const Setting& setting, std::string_view text, std::string& out) {
  if (!is_choice(setting.choices, text)) return fmt::format("must be one of {}", setting.choices);
  out = text;
  return "";
}

std::string assign(const Setting&, std::string_view text, bool& out) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return out = true, "";
  if (text == "false" || text == "0" || text == "no" || text == "off" || text.empty()) return out = false, "";
  return "must be true or false";
}

template <class Number>
std::string assign_number(const Setting& setting, std::string_view text, Number& out) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = std::is_integral_v<Number>;
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(static_cast<double>(number)))
    return whole ? "must be a whole number" : "must be a number";
  const auto value = static_cast<double>(number);
  if (value < setting.minimum || value > setting.maximum)
    return fmt::format("must be between {} and {}", setting.minimum, setting.maximum);
  out = number;
  return "";
}
std::string assign(const Setting& setting, std::string_view text, double& out) {
  return assign_number(setting, text, out);
}
std::string assign(const Setting& setting, std::string_view text, std::int64_t& out) {
  return assign_number(setting, text, out);
}

// The TOML file as text by name; tables are not used, so a nested key is an unknown one.
Result<Words> read_file(std::string_view file) try {
  Words words;
  for (const auto& [key, node] : toml::parse(file)) {
    std::ostringstream text;
    if (const auto* string = node.as_string())
      text << string->get();
    else if (node.is_value())
      text << toml::node_view(node);
    words.emplace(std::string(key.str()), text.str());
  }
  return words;
} catch (const toml::parse_error& error) {
  return invalid("",
                 fmt::format("settings file, line {}: {}", error.source().begin.line, error.description()));
}

}  // namespace

std::span<const Setting> settings_table() {
  return kTable;
}

bool is_switch(const Setting& setting) {
  bool found = false;
  with_member(Settings{}, setting.name, [&](const auto& member) {
    found = std::is_same_v<std::remove_cvref_t<decltype(member)>, bool>;
  });
  return found;
}

std::string_view origin_name(Origin origin) {
  constexpr std::array<std::string_view, 4> kNames{"default", "file", "environment", "flag"};
  return kNames[static_cast<std::size_t>(origin)];
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::vector<std::string> process_variables() {
  std::vector<std::string> names;
  for (char** each = environ; each && *each; ++each) {
    const std::string_view variable(*each);
    names.emplace_back(variable.substr(0, variable.find('=')));
  }
  return names;
}

std::vector<std::string> unknown_variables(const std::vector<std::string>& names) {
  std::vector<std::string> warnings;
  for (const std::string& name : names) {
    const auto has_name = [&](const Setting& setting) { return setting.environment == name; };
    if (std::any_of(kTable.begin(), kTable.end(), has_name) || is_of_a_service(name)) continue;
    const std::string_view meant = nearest_variable(name);
    if (meant.empty() && !upper(name).starts_with(kPrefix)) continue;
    warnings.push_back(fmt::format(
        "{} is not a variable of Medsynth and has no effect{}", printable(name),
        meant.empty() ? "; docs/settings.md and `medsynth config show --origin` list those it reads"
                      : fmt::format(" (did you mean '{}'?)", meant)));
  }
  return warnings;
}

Result<LoadedSettings> load_settings(const Words& flags, const Environment& environment,
                                     std::string_view file) {
  LoadedSettings loaded;
  loaded.flags = flags;
  std::vector<Fault> faults;
  BOOST_OUTCOME_TRY(const Words in_file, read_file(file));
  std::vector<std::string_view> names;
  for (const Setting& setting : kTable) names.push_back(setting.name);
  for (const auto& [key, text] : in_file) {
    if (std::find(names.begin(), names.end(), key) == names.end())
      faults.push_back({"/" + key, "is not a setting of the file" + described::did_you_mean(key, names)});
  }
  for (const Setting& setting : kTable) {
    const auto apply = [&](Origin origin, const std::string& text, const std::string& where) {
      with_member(loaded.settings, setting.name, [&](auto& member) {
        if (std::string wrong = assign(setting, text, member); !wrong.empty())
          faults.push_back(
              {where, fmt::format("{}{}", wrong, setting.secret ? "" : fmt::format(", not '{}'", text))});
      });
      loaded.origins[std::string(setting.name)] = origin;
    };
    loaded.origins[std::string(setting.name)] = Origin::fallback;
    if (const auto found = in_file.find(setting.name); found != in_file.end())
      apply(Origin::file, found->second, fmt::format("/{}", setting.name));
    if (const auto text = environment(std::string(setting.environment)); text && !text->empty())
      apply(Origin::environment, *text, std::string(setting.environment));
    if (const auto found = flags.find(setting.name); found != flags.end()) {
      std::string flag = fmt::format("--{}", setting.name);
      std::replace(flag.begin(), flag.end(), '_', '-');
      apply(Origin::flag, found->second, flag);
    }
  }
  if (faults.empty()) return loaded;
  Error error = invalid(faults[0].pointer, faults[0].detail);
  error.reason = "invalid_setting";
  error.message.clear();
  for (const Fault& fault : faults)
    error.message += fmt::format("{}{}: {}", error.message.empty() ? "" : "; ", fault.pointer, fault.detail);
  error.faults = std::move(faults);
  return error;
}

std::vector<std::string> listed(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    std::string_view entry = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), entry.size() + 1));
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (!entry.empty()) entries.emplace_back(entry);
  }
  return entries;
}

std::string shown(const Settings& settings, const Setting& setting) {
  std::string text;
  with_member(settings, setting.name, [&](const auto& member) { text = fmt::format("{}", member); });
  if (!setting.secret || text.empty()) return text;
  return text.find("://") == text.npos ? "***"
                                       : masked(text);  // no address: nothing says what is secret in it
}

}  // namespace medsynth
