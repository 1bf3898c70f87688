// Every setting of the program, once: its type and default are the member, the rest is its row in the table.
// Flags, environment, the TOML file, `medsynth config show --origin` and docs/settings.md are derived from
// it.
//
// Flag > environment > file > default. The environment is read once, here. Values are immutable after loading
// and thread safe to read; what may change while running (the limits) is changed through its own room.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "medsynth/base/error.h"

namespace medsynth {

struct Settings {
  // Redis
  std::string redis_url = "redis://localhost:6379/0";
  std::string redis = "auto";
  std::string redis_fsync = "everysec";
  std::int64_t redis_memory = 0;
  std::string data_dir = "";
  // Tasks
  std::string task_storage_prefix = "task:";
  std::int64_t task_storage_ttl = 86400;
  // Limits
  double max_cpu_percent = 80.0;
  double max_memory_percent = 80.0;
  double max_gpu_percent = 80.0;
  std::int64_t max_concurrent_tasks = 5;
  double resource_check_interval = 1.0;
  std::string runtime_dir = "";
  std::string host = "";
  // Models
  std::int64_t max_cached_models = 5;
  double model_cache_ttl = 3600;
  double model_cache_check_interval = 300;
  std::int64_t model_cache_memory = 0;
  std::string models_dir = "";
  std::string models_catalogue = "";
  std::string language_model = "";
  std::string entailment_model = "";
  std::string hub_url = "https://huggingface.co";
  std::string hub_token = "";
  std::int64_t threads = 0;
  // Server and workers
  std::string listen = "127.0.0.1:8000";
  bool insecure = false;
  std::string metrics = "key";
  std::string tls_certificate = "";
  std::string tls_key = "";
  bool tls_self_signed = false;
  std::string tls_client_ca = "";
  std::string tls_client_certificates = "optional";
  std::string jwt_issuer = "";
  std::string jwt_audience = "";
  std::string jwt_keys = "";
  std::string jwt_claims = "scopes=scope, name=sub";
  std::string jwt_scopes = "read, submit, operate, admin";
  std::int64_t jwt_leeway = 30;
  std::string allowed_hosts = "";
  std::string path_prefix = "";
  std::string trusted_proxies = "";
  std::string address_rate = "";
  std::int64_t address_concurrent = 0;
  std::string audit_log = "auto";
  std::int64_t audit_log_size = 64;
  std::int64_t workers = 1;
  std::string queues = "medsynth";
  std::string namespace_ = "dramatiq";
  std::string result_keys = "md5";
  double grace = 30;
  std::int64_t max_deaths = 3;
  std::int64_t max_queue_length = 100'000;
  std::int64_t max_bytes_in_flight = 128;
  // Clients of a server
  std::string url = "http://127.0.0.1:8000";
  std::string token = "";
  std::string token_file = "";
  std::string ca_file = "";
  std::string client_certificate = "";
  std::string client_key = "";
  // Logging
  std::string log_level = "info";
  std::string log_format = "auto";
};
BOOST_DESCRIBE_STRUCT(Settings, (),
                      (redis_url, redis, redis_fsync, redis_memory, data_dir, task_storage_prefix,
                       task_storage_ttl, max_cpu_percent, max_memory_percent, max_gpu_percent,
                       max_concurrent_tasks, resource_check_interval, runtime_dir, host, max_cached_models,
                       model_cache_ttl, model_cache_check_interval, model_cache_memory, models_dir,
                       models_catalogue, language_model, entailment_model, hub_url, hub_token, threads,
                       listen, insecure, metrics, tls_certificate, tls_key, tls_self_signed, tls_client_ca,
                       tls_client_certificates, jwt_issuer, jwt_audience, jwt_keys, jwt_claims, jwt_scopes,
                       jwt_leeway, allowed_hosts, path_prefix, trusted_proxies, address_rate,
                       address_concurrent, audit_log, audit_log_size, workers, queues, namespace_,
                       result_keys, grace, max_deaths, max_queue_length, max_bytes_in_flight, url, token,
                       token_file, ca_file, client_certificate, client_key, log_level, log_format))

// One row of the table. `name` is the member without a trailing underscore; the flag is --name with dashes,
// the key in the TOML file is the name.
struct Setting {
  std::string_view name;
  std::string_view environment;
  std::string_view unit = "";  // "" when it has none
  std::string_view help;
  double minimum = 0;
  double maximum = 1e15;
  std::string_view choices = "";  // "a|b|c", for text that is one of a few
  bool live = false;              // can change while running
  bool secret = false;            // shown without its password
  bool has_flag = true;           // a command line is no place for what nobody else may read
};
std::span<const Setting> settings_table();
// True or false: its flag takes no value.
bool is_switch(const Setting& setting);

enum class Origin { fallback, file, environment, flag };
std::string_view origin_name(Origin origin);  // "default", "file", "environment", "flag"

struct LoadedSettings {
  Settings settings;
  std::map<std::string, Origin, std::less<>> origins;     // by name
  std::map<std::string, std::string, std::less<>> flags;  // as they were given, for child processes
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
// The process's own environment.
std::optional<std::string> process_environment(const std::string& name);

// The names of all variables of the process's own environment.
std::vector<std::string> process_variables();
// Variables among `names` that are probably a misspelt setting, a sentence each that ends with what was
// probably meant: those that start with MEDSYNTH_ and are no setting, and near misses of any setting's
// (MAX_CONCURENT_TASKS). Variables that Kubernetes and Docker make of a service called medsynth are none.
// Pure.
std::vector<std::string> unknown_variables(const std::vector<std::string>& names);

// Reads them all. `flags` holds those that were given, by name. `file` is the text of the TOML file, empty
// for none. invalid_argument names every wrong value, where it came from and what is allowed; unknown keys of
// the file are wrong too.
Result<LoadedSettings> load_settings(const std::map<std::string, std::string, std::less<>>& flags,
                                     const Environment& environment, std::string_view file);

// A setting that is a list: its entries, between commas, without the space around them and without empty ones.
std::vector<std::string> listed(std::string_view text);

// One setting as text, as `config show` prints it; a secret's password is replaced by "***".
std::string shown(const Settings& settings, const Setting& setting);

}  // namespace medsynth
