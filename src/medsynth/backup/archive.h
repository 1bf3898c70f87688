// The file of a backup: a tar in gzip. First `backup.json` (Heading), then pages of entries, last
// `manifest.json` with the number of entries and the SHA-256 of each file before it: a file that was cut off
// has none. Anything that can unpack a tar shows what is in it.
//
//   BOOST_OUTCOME_TRY(auto out, Writer::open(descriptor, heading));
//   BOOST_OUTCOME_TRY(out->add("tasks/000001.jsonl", page, lines));
//   BOOST_OUTCOME_TRY(auto manifest, out->finish(counts));
//
//   BOOST_OUTCOME_TRY(const auto checked, check(descriptor));                  // all of it, before anything else
//   BOOST_OUTCOME_TRY(read(descriptor, [&](const File& file) -> Result<> { ... }));
//
// Not thread safe. Descriptors stay the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "medsynth/backup/entries.h"
#include "medsynth/base/error.h"

struct archive;

namespace medsynth::backup {

class Writer {
 public:
  // unavailable ("backup_not_written"): it cannot be written, with the system's words; so do the others.
  static Result<Writer> open(int descriptor, const Heading& heading);

  Result<> add(std::string_view name, std::string_view bytes, std::int64_t entries = 1);
  // The last call.
  Result<Manifest> finish(const Counts& counts);

 private:
  using Archive = std::unique_ptr<archive, int (*)(archive*)>;
  explicit Writer(Archive out) : out_(std::move(out)) {}
  Result<> write(std::string_view name, std::string_view bytes);
  Error failed() const;

  Archive out_;
  Manifest manifest_;
};

struct File {
  std::string name;
  std::string bytes;
};

// Each file in turn, from the beginning. invalid_argument ("backup_damaged"): it is no archive, is cut off, or
// was changed; errors of `each`.
Result<> read(int descriptor, const std::function<Result<>(const File&)>& each);

// What is small, and needed before the pages are read again.
struct Checked {
  Manifest manifest;
  State state;
  std::vector<File> files;  // of the folders, without "files/"
};
// Reads all of it. invalid_argument: "backup_damaged", as of read(), or a digest or a count is not the manifest's;
// "backup_newer": a newer version of Medsynth wrote it.
Result<Checked> check(int descriptor);

// Names in the archive.
inline constexpr std::string_view kTasks = "tasks/";
inline constexpr std::string_view kLetters = "dead_letters/";
inline constexpr std::string_view kFiles = "files/";
inline constexpr std::string_view kState = "state.json";

// The lines of a page.
Result<> for_each_line(std::string_view page, const std::function<Result<>(std::string_view)>& each);

}  // namespace medsynth::backup
