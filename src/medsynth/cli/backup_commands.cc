// medsynth backup | restore
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/backup/restore.h"
#include "medsynth/base/descriptor.h"
#include "medsynth/base/id.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/signals.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/backup_files.h"
#include "medsynth/cli/output_file.h"
#include "medsynth/cli/redis_keeper.h"
#include "medsynth/fleet/format.h"
#include "medsynth/limits/sensors.h"
#include "medsynth/redis/access.h"

namespace medsynth::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::string_view kStandard = "-";

std::error_code last_error() {
  return {errno != 0 ? errno : EIO, std::generic_category()};
}

Error not_written(const std::string& path, const std::error_code& why) {
  return {Code::unavailable, fmt::format("{} could not be written: {}", path, why.message()),
          "backup_not_written"};
}

// A file that appears under its name once it is whole; a pipe or a device is written to as it is.
class NewFile {
 public:
  static Result<NewFile> open(const std::string& path) {
    std::error_code ignored;
    if (path == kStandard) return NewFile(Descriptor(::dup(STDOUT_FILENO)), "", path);
    BOOST_OUTCOME_TRY(check_output_file("FILE", path));
    errno = 0;
    if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored)) {
      Descriptor out(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      if (!out) return not_written(path, last_error());
      return NewFile(std::move(out), "", path);
    }
    std::string part = path + ".XXXXXX";
    Descriptor out(::mkostemp(part.data(), O_CLOEXEC));  // mode 600
    if (!out) return not_written(path, last_error());
    return NewFile(std::move(out), part, path);
  }
  NewFile(NewFile&& other) noexcept
      : out_(std::move(other.out_)), part_(std::exchange(other.part_, "")), path_(std::move(other.path_)) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() {
    if (!part_.empty()) ::unlink(part_.c_str());
  }

  int descriptor() const { return *out_; }
  Result<> finish() {
    if (part_.empty()) return success();
    errno = 0;
    if (::fsync(*out_) != 0 || ::rename(part_.c_str(), path_.c_str()) != 0)
      return not_written(path_, last_error());
    part_.clear();
    return success();
  }

 private:
  NewFile(Descriptor out, std::string part, std::string path)
      : out_(std::move(out)), part_(std::move(part)), path_(std::move(path)) {}

  Descriptor out_;
  std::string part_, path_;
};

// A backup that can be read twice: what comes from a pipe is kept in a file without a name.
Result<Descriptor> open_backup(const std::string& path) {
  const auto unreadable = [&] {
    return Error{Code::not_found, fmt::format("{} cannot be read: {}", path, last_error().message()),
                 "no_such_file"};
  };
  errno = 0;
  Descriptor in(path == kStandard ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return unreadable();
  struct stat about{};
  if (::fstat(*in, &about) != 0) return unreadable();
  if (S_ISREG(about.st_mode)) return in;
  if (S_ISDIR(about.st_mode))
    return invalid("FILE", fmt::format("'{}' is a folder: name a file in it", path));
  std::error_code ignored;
  std::string name = (fs::temp_directory_path(ignored) / "medsynth-restore-XXXXXX").string();
  Descriptor copy(::mkostemp(name.data(), O_CLOEXEC));
  if (!copy) return not_written(name, last_error());
  ::unlink(name.c_str());
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::read(*in, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable();
    if (got == 0) return copy;
    for (ssize_t at = 0; at < got;) {
      const ssize_t written = ::write(*copy, buffer.data() + at, static_cast<std::size_t>(got - at));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return not_written(name, last_error());
      at += written;
    }
  }
}

// The Redis of these settings, for as long as the command runs: the one that is there, else the managed one,
// which is started.
class Data {
 public:
  static Result<std::unique_ptr<Data>> open(const Settings& settings) {
    BOOST_OUTCOME_TRY(const auto url, redis::url_of(settings));
    std::unique_ptr<Data> data(new Data(settings, url));
    if (url.sentinels.empty() && !redis::Managed::answers(url)) {
      const auto sensors = limits::make_sensors({.data_dir = data_dir(settings)});
      data->keeper_ = std::make_unique<RedisKeeper>(
          settings.redis, managed_options(settings, url, sensors->sample().memory_limit));
      BOOST_OUTCOME_TRY(data->keeper_->start());
    }
    data->client_ = std::make_unique<redis::Client>(
        redis::ClientOptions{.url = url, .name = "medsynth-backup", .timeout = 20s, .quiet = true});
    BOOST_OUTCOME_TRY(data->client_->wait_connected(10s));
    BOOST_OUTCOME_TRY(const auto format, data->client_->run(fleet::format(data->fleet_options_)));
    BOOST_OUTCOME_TRY(fleet::check_format(format));
    return data;
  }

  backup::Installation installation() { return {*client_, store_, broker_, fleet_}; }

 private:
  Data(const Settings& settings, const redis::Url& url)
      : fleet_options_{.namespace_ = settings.namespace_,
                       .prefix = settings.task_storage_prefix,
                       .database = url.database},
        store_{.prefix = settings.task_storage_prefix,
               .ttl = std::chrono::seconds(settings.task_storage_ttl),
               .database = url.database,
               .channel = ""},
        broker_({.namespace_ = settings.namespace_,
                 .worker_id = new_uuid(),
                 .host = host_name(settings),
                 .pids = "",
                 .database = url.database}),
        fleet_(fleet_options_) {}

  const fleet::FleetOptions fleet_options_;
  const tasks::StoreOptions store_;
  const dramatiq::Broker broker_;
  const fleet::Fleet fleet_;
  std::unique_ptr<RedisKeeper> keeper_;  // it outlives the client
  std::unique_ptr<redis::Client> client_;
};

// Says on a terminal how far it is, and ends the work where a signal asks for that.
backup::Progress progress_on(ProgressLine& line, std::string_view doing) {
  return [&line, doing = std::string(doing)](const backup::Counts& counts) -> Result<> {
    line.show(fmt::format("{}: {} tasks, {} messages, {} dead letters", doing, counts.tasks,
                          counts.messages + counts.delayed, counts.dead_letters));
    if (end_is_pending()) return Error{Code::cancelled, doing + " was interrupted", ""};
    return success();
  };
}

json::value counts_of(const backup::Counts& counts) {
  return described::to_value(counts);
}

void print_json_of(const backup::Manifest& manifest, const std::string& path) {
  print_json({{"file", path},
              {"format", manifest.format},
              {"id", manifest.id},
              {"created_at", manifest.created_at},
              {"counts", counts_of(manifest.counts)}});
}

// Standard output is the backup where that is asked for, so what people read goes to stderr.
int save(const Session& session, const std::string& path) {
  block_end_signals();
  if (path == kStandard && ::isatty(STDOUT_FILENO) == 1)
    return fail(invalid("FILE", "is the terminal: name a file, or pipe it (medsynth backup - | ...)"));
  const auto done = [&]() -> Result<backup::Manifest> {
    BOOST_OUTCOME_TRY(auto file, NewFile::open(path));
    BOOST_OUTCOME_TRY(const auto data, Data::open(session.settings()));
    BOOST_OUTCOME_TRY(const auto files, kept_files(session.settings()));
    const auto installation = data->installation();
    BOOST_OUTCOME_TRY(
        auto writer,
        backup::Writer::open(file.descriptor(), {.version = MEDSYNTH_VERSION,
                                                 .id = new_uuid(),
                                                 .created_at = rfc3339(installation.client.clock().now())}));
    ProgressLine line;
    BOOST_OUTCOME_TRY(auto manifest,
                      backup::save(installation, writer, files, progress_on(line, "the backup")));
    BOOST_OUTCOME_TRY(file.finish());
    return manifest;
  }();
  if (!done) return fail(done.error());
  if (path == kStandard) return 0;
  if (session.format == Format::json) return print_json_of(*done, path), 0;
  const backup::Counts& counts = done->counts;
  print(fmt::format("{}: {} tasks ({} ended), {} messages, {} delayed, {} dead letters, {} files.", path,
                    counts.tasks, counts.ended, counts.messages, counts.delayed, counts.dead_letters,
                    counts.files));
  if (counts.without_message > 0)
    print(fmt::format(
        "{} tasks have not ended and no queue has their message: they do not go on here, nor would "
        "they there.",
        counts.without_message));
  print("It holds the texts of claims and the hashes of keys: keep it as you keep the data folder.");
  return 0;
}

struct RestoreRequest {
  std::string path;
  bool dry_run = false;
  bool replace = false;
};

struct Restored {
  backup::Manifest manifest;
  backup::Outcome outcome;
  std::vector<PlannedFile> files;
  std::vector<MissingModel> missing;
};

Result<Restored> restored(const Settings& settings, const RestoreRequest& request) {
  BOOST_OUTCOME_TRY(const auto file, open_backup(request.path));
  BOOST_OUTCOME_TRY(auto checked, backup::check(*file));
  Restored done;
  BOOST_OUTCOME_TRY(done.files, plan_files(settings, checked.files, request.replace));
  if (!request.replace && !request.dry_run) {
    BOOST_OUTCOME_TRY(check_files(done.files));
  }
  BOOST_OUTCOME_TRY(done.missing, missing_models(settings, done.files));
  BOOST_OUTCOME_TRY(const auto data, Data::open(settings));
  // Before the tasks, which may need a model at once.
  if (!request.dry_run) {
    BOOST_OUTCOME_TRY(write_files(done.files));
  }
  ProgressLine line;
  BOOST_OUTCOME_TRY(done.outcome, backup::restore(*file, checked, data->installation(),
                                                  {.dry_run = request.dry_run, .replace = request.replace},
                                                  progress_on(line, "the restore")));
  done.manifest = std::move(checked.manifest);
  return done;
}

json::object as_json(const Restored& done, const RestoreRequest& request) {
  json::array files, missing;
  for (const PlannedFile& each : done.files)
    files.push_back(json::object{
        {"name", each.name}, {"path", each.path.string()}, {"state", described::enum_name(each.state)}});
  for (const MissingModel& each : done.missing)
    missing.push_back(json::object{{"name", each.name}, {"file", each.file}, {"sha256", each.sha256}});
  json::object other;
  for (const auto& [name, value] : done.outcome.other_limits) other[name] = value;
  return {{"id", done.manifest.id},
          {"created_at", done.manifest.created_at},
          {"dry_run", request.dry_run},
          {"restored", counts_of(done.outcome.restored)},
          {"present", counts_of(done.outcome.present)},
          {"files", std::move(files)},
          {"missing_models", std::move(missing)},
          {"other_limits", std::move(other)}};
}

std::string_view meaning_of(FileState state, const RestoreRequest& request) {
  switch (state) {
    case FileState::absent:
      return request.dry_run ? "would be written" : "written";
    case FileState::same:
      return "there already";
    case FileState::differs:
      if (!request.replace) return "another is there: refused without --replace";
      return request.dry_run ? "would be replaced" : "replaced";
    case FileState::no_place:
      return "left out: nothing here that it belongs to";
  }
  return "";
}

void print_restored(const Restored& done, const RestoreRequest& request) {
  const backup::Counts &back = done.outcome.restored, &there = done.outcome.present;
  std::vector<Row> rows;
  const auto row = [&](const char* what, std::int64_t restored_count, std::int64_t present) {
    rows.push_back({what, std::to_string(restored_count), std::to_string(present)});
  };
  row("tasks", back.tasks, there.tasks);
  row("messages", back.messages, there.messages);
  row("delayed", back.delayed, there.delayed);
  row("dead letters", back.dead_letters, there.dead_letters);
  print(table({{"WHAT"}, {request.dry_run ? "WOULD COME BACK" : "CAME BACK", true}, {"THERE ALREADY", true}},
              rows));
  for (const PlannedFile& each : done.files)
    print(fmt::format("{}: {}", each.path.empty() ? each.name : each.path.string(),
                      meaning_of(each.state, request)));
  for (const auto& [name, value] : done.outcome.other_limits)
    print(fmt::format("{} is set to {:g} here and stays so; --replace takes the backup's.", name, value));
  for (const MissingModel& each : done.missing)
    print(fmt::format("The file of the model {} is not here: put {} (sha256 {}) into its place.", each.name,
                      each.file, each.sha256.empty() ? "not known" : each.sha256));
  if (request.dry_run) print("Nothing was written.");
}

int restore(const Session& session, const RestoreRequest& request) {
  block_end_signals();
  const auto done = restored(session.settings(), request);
  if (!done) return fail(done.error());
  if (session.format == Format::json) return print_json(as_json(*done, request)), 0;
  print_restored(*done, request);
  return 0;
}

}  // namespace

void add_backup_commands(CLI::App& app, Run& chosen) {
  auto path = std::make_shared<std::string>();
  add_command(app, chosen, "backup",
              "Writes tasks, queues, keys, labels and the catalogue into one file, while all goes on",
              [=](const Session& session) { return save(session, *path); })
      ->add_option("FILE", *path,
                   "A file of mode 600, replaced once the new one is whole; -: standard output")
      ->required();
  auto request = std::make_shared<RestoreRequest>();
  CLI::App* command =
      add_command(app, chosen, "restore", "Puts a backup back: what is there already stays as it is",
                  [=](const Session& session) { return restore(session, *request); });
  command->add_option("FILE", request->path, "What 'medsynth backup' wrote; -: standard input")->required();
  command->add_flag("--dry-run", request->dry_run, "Say what would be done, and write nothing");
  command->add_flag("--replace", request->replace,
                    "Take the backup's files and limits where others are here; tasks are never replaced");
}

}  // namespace medsynth::cli
