// medsynth logs: what the server and the workers of this machine say
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "medsynth/base/json.h"
#include "medsynth/base/log_file.h"
#include "medsynth/base/paths.h"
#include "medsynth/base/private_file.h"
#include "medsynth/cli/app.h"
#include "medsynth/cli/log_place.h"
#include "medsynth/cli/time_option.h"
#include "medsynth/inference/command.h"

namespace medsynth::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::vector<std::string> kUnits{"medsynth.service", "medsynth-worker@*.service"};
constexpr std::int64_t kLooksBack = 32 * 1024 * 1024;  // bytes of a file that somebody else bounds
constexpr auto kLookAgain = 200ms;

struct Options {
  bool follow = false, worker = false, redis = false;
  std::size_t limit = 100;
  std::string since;
};

// The lines of a file that grows, goes on under its name in a new file, or is cut.
class Lines {
 public:
  explicit Lines(fs::path file) : file_(std::move(file)) {}

  // Those that came since the last call.
  void read(const std::function<void(std::string_view)>& take) {
    const FileStamp now = stamp_of(file_);
    if (!now.exists) return;
    const FileStamp older = stamp_of(older_log(file_));
    if (!seen_) {
      offset_ = std::max<std::int64_t>(0, now.size - kLooksBack);
      is_cut_ = offset_ > 0;
      if (older.exists && !is_cut_) (void)read_from(older_log(file_), 0, take);
    } else if (now.inode != seen_->inode) {
      if (older.inode == seen_->inode) (void)read_from(older_log(file_), offset_, take);
      offset_ = 0;
    } else if (now.size < offset_) {
      offset_ = 0;
    }
    seen_ = now;
    offset_ = read_from(file_, offset_, take);
  }

 private:
  // Where the first line begins that is not whole yet.
  std::int64_t read_from(const fs::path& file, std::int64_t offset,
                         const std::function<void(std::string_view)>& take) {
    std::ifstream in(file);
    in.seekg(offset);
    std::string line;
    while (std::getline(in, line) && !in.eof()) {
      offset += static_cast<std::int64_t>(line.size()) + 1;
      if (!std::exchange(is_cut_, false)) take(line);
    }
    return offset;
  }

  const fs::path file_;
  std::optional<FileStamp> seen_;
  std::int64_t offset_ = 0;
  bool is_cut_ = false;  // the next line is half of one
};

// A line of ours is a JSON object; others' (Redis', log_format = "text") are shown as they are.
class Wanted {
 public:
  Wanted(const Options& options, std::optional<WallTime> since) : worker_(options.worker), since_(since) {}

  bool takes(const json::object* line) const {
    if (!line) return !worker_ && !since_;
    if (worker_ && cell(*line, "process") != "worker") return false;
    if (!since_) return true;
    const auto time = parse_rfc3339(cell(*line, "ts"));
    return time && *time >= *since_;
  }

 private:
  const bool worker_;
  const std::optional<WallTime> since_;
};

Text shown(const json::object& line) {
  const std::string level = cell(line, "level");
  const Text padded(fmt::format("{:<7}", level));
  Text text = Text(cell(line, "ts")) + " " +
              (level == "error"     ? red(padded)
               : level == "warning" ? yellow(padded)
                                    : padded) +
              " " + cell(line, "process") + ": " + cell(line, "msg");
  for (const auto& [name, value] : line) {
    if (name == "ts" || name == "level" || name == "process" || name == "msg" || name == "pid") continue;
    text += fmt::format("  {}={}", std::string_view(name), cell(line, name));
  }
  return text;
}

void print_line(std::string_view line, const json::object* read, Format format) {
  if (format == Format::json) return print_json(read ? *read : json::object{{"msg", line}});
  print(read ? shown(*read) : Text(line));
}

// Where there is no log to be read, why.
Error no_log(const fs::path& file, const std::string& leads_to) {
  const auto said = [](std::string message) { return Error{Code::not_found, std::move(message), "no_log"}; };
  if (leads_to.empty())
    return said(fmt::format(
        "there is no {}: no server with this data folder ran here (--data-dir, MEDSYNTH_DATA_DIR: "
        "another one)",
        file.string()));
  if (leads_to.starts_with("pipe:") || leads_to.starts_with("socket:"))
    return said(
        "the log goes to the program that started the server, and is kept there: 'docker logs', 'kubectl "
        "logs', "
        "'journalctl', or a file of your own");
  return said(fmt::format("the log goes to {}, where it cannot be read", leads_to));
}

int show_file(const Session& session, const Options& options, std::optional<WallTime> since) {
  const fs::path file =
      options.redis ? data_dir(session.settings()) / "redis" / "redis.log" : log_file(session.settings());
  std::error_code error;
  const fs::path target = fs::read_symlink(file, error);
  const bool is_link = !error;
  const fs::path read = is_link ? target : file;
  if (!fs::is_regular_file(read, error) || access(read.c_str(), R_OK) != 0)
    return fail(no_log(file, is_link ? target.string() : ""));
  const Wanted wanted(options, since);
  Lines tail(read);
  std::deque<std::string> last;
  tail.read([&](std::string_view line) {
    const auto parsed = medsynth::json::parse(line);
    if (!wanted.takes(parsed ? parsed->if_object() : nullptr)) return;
    last.emplace_back(line);
    if (last.size() > options.limit) last.pop_front();
  });
  const auto print_it = [&](std::string_view line) {
    const auto parsed = medsynth::json::parse(line);
    const json::object* object = parsed ? parsed->if_object() : nullptr;
    if (wanted.takes(object)) print_line(line, object, session.format);
  };
  for (const std::string& line : last) print_it(line);
  while (options.follow) {  // until Ctrl-C, or the reader of a pipe is gone
    std::this_thread::sleep_for(kLookAgain);
    tail.read(print_it);
  }
  return 0;
}

// Whether systemd runs one of the units: then its journal has the log.
bool is_service() {
  std::vector<std::string> words{"systemctl", "is-active", "--quiet"};
  words.insert(words.end(), kUnits.begin(), kUnits.end());
  const auto asked = inference::run({.arguments = words, .timeout = 5s});
  return asked && asked->status == 0;
}

int show_journal(const Session& session, const Options& options, std::optional<WallTime> since) {
  std::vector<std::string> words{"journalctl", "--no-pager", fmt::format("--lines={}", options.limit)};
  for (const std::string& unit : kUnits) words.push_back("--unit=" + unit);
  if (options.follow) words.emplace_back("--follow");
  if (since) words.push_back(fmt::format("--since=@{}", micros(*since) / 1'000'000));
  if (session.format == Format::json) words.emplace_back("--output=json");
  if (options.worker) words.emplace_back("PROCESS=worker");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return fail(
      {Code::unavailable,
       fmt::format("the log is in systemd's journal, and journalctl cannot be run: {}", std::strerror(errno)),
       "no_journalctl"});
}

int show_logs(const Session& session, const Options& options) {
  std::optional<WallTime> since;
  if (!options.since.empty()) {
    const auto time = time_of(options.since, "--since");
    if (!time) return fail(time.error());
    since = *time;
  }
  return !options.redis && is_service() ? show_journal(session, options, since)
                                        : show_file(session, options, since);
}

}  // namespace

void add_logs_command(CLI::App& app, Run& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = add_command(app, chosen, "logs", "What the server and the workers of this machine say",
                                  [=](const Session& session) { return show_logs(session, *options); });
  command->add_flag("-f,--follow", options->follow, "Go on with what comes, until Ctrl-C");
  command->add_option("-n,--limit", options->limit, "At most so many lines, the last ones")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  CLI::Option* since =
      command->add_option("--since", options->since, "From then on: 15m, 2h, 7d, 2027-01-31T00:00:00Z");
  CLI::Option* worker = command->add_flag("--worker", options->worker, "Of workers alone");
  command->add_flag("--redis", options->redis, "Of the managed Redis")->excludes(since)->excludes(worker);
}

}  // namespace medsynth::cli
