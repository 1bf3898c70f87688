#include "medsynth/backup/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/text.h"

#ifdef MEDSYNTH_PORTABLE
// Of libarchive, linked statically there, one part of the writer refers to all formats, and xar alone to libxml2, which is
// not brought along (cmake/parts.cmake). Nobody asks for it.
extern "C" int archive_write_set_format_xar(archive*) {
  return ARCHIVE_FATAL;
}
#endif

namespace medsynth::backup {
namespace {

constexpr std::string_view kHeading = "backup.json";
constexpr std::string_view kManifest = "manifest.json";
constexpr std::size_t kBlock = 64 * 1024;
// Of one file in it: a page holds at least one entry, and that a result and a body of a request, escaped.
constexpr std::size_t kMaxFile = 512u << 20;

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

std::string why(archive* from) {
  const char* text = archive_error_string(from);
  return text ? printable(text) : "no reason was given";
}

Error damaged(std::string_view what) {
  return {Code::invalid_argument,
          fmt::format("this is no whole backup ({}): nothing was done; use another copy of it", what),
          "backup_damaged"};
}

Result<std::string> read_bytes(archive* from) {
  std::string bytes;
  std::array<char, kBlock> buffer;
  for (;;) {
    const la_ssize_t got = archive_read_data(from, buffer.data(), buffer.size());
    if (got < 0) return damaged(why(from));
    if (got == 0) return bytes;
    if (bytes.size() + static_cast<std::size_t>(got) > kMaxFile) return damaged("a file in it is too large");
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

template <class T>
Result<> into(T& out, std::string_view text) {
  auto read = described::parse<T>(text);
  if (!read) return damaged(read.error().message);
  out = std::move(*read);
  return success();
}

Result<> check_heading(const File& file) {
  if (file.name != kHeading) return damaged("it does not begin as one");
  Heading heading;
  BOOST_OUTCOME_TRY(into(heading, file.bytes));
  if (heading.format <= kFormat) return success();
  return Error{Code::invalid_argument,
               fmt::format("this backup has format {} (of Medsynth {}), and this version reads {} and older: "
                           "nothing was done; restore it with that version or a newer one",
                           heading.format, printable(heading.version), kFormat),
               "backup_newer"};
}

}  // namespace

Result<Writer> Writer::open(int descriptor, const Heading& heading) {
  Writer writer(Archive(archive_write_new(), &archive_write_free));
  archive* out = writer.out_.get();
  archive_write_add_filter_gzip(out);
  archive_write_set_format_pax_restricted(out);
  archive_write_set_bytes_in_last_block(out, 1);
  if (archive_write_open_fd(out, descriptor) != ARCHIVE_OK) return writer.failed();
  static_cast<Heading&>(writer.manifest_) = heading;
  BOOST_OUTCOME_TRY(writer.write(kHeading, described::write(heading) + "\n"));
  return writer;
}

Error Writer::failed() const {
  return {Code::unavailable, fmt::format("the backup could not be written: {}", why(out_.get())),
          "backup_not_written"};
}

Result<> Writer::write(std::string_view name, std::string_view bytes) {
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                       &archive_entry_free);
  archive_entry_set_pathname(entry.get(), std::string(name).c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  if (archive_write_header(out_.get(), entry.get()) != ARCHIVE_OK) return failed();
  const la_ssize_t written = archive_write_data(out_.get(), bytes.data(), bytes.size());
  if (written < 0 || static_cast<std::size_t>(written) != bytes.size()) return failed();
  return success();
}

Result<> Writer::add(std::string_view name, std::string_view bytes, std::int64_t entries) {
  BOOST_OUTCOME_TRY(write(name, bytes));
  manifest_.parts.push_back({std::string(name), entries, sha256_hex(bytes)});
  return success();
}

Result<Manifest> Writer::finish(const Counts& counts) {
  manifest_.counts = counts;
  BOOST_OUTCOME_TRY(write(kManifest, described::write(manifest_) + "\n"));
  if (archive_write_close(out_.get()) != ARCHIVE_OK) return failed();
  return manifest_;
}

Result<> read(int descriptor, const std::function<Result<>(const File&)>& each) {
  if (::lseek(descriptor, 0, SEEK_SET) != 0)
    return Error{Code::internal, "the file of a backup cannot be read from its beginning", ""};
  const Archive from(archive_read_new(), &archive_read_free);
  archive_read_support_filter_gzip(from.get());
  archive_read_support_format_tar(from.get());
  if (archive_read_open_fd(from.get(), descriptor, kBlock) != ARCHIVE_OK) return damaged(why(from.get()));
  archive_entry* entry = nullptr;
  for (int next = 0; (next = archive_read_next_header(from.get(), &entry)) != ARCHIVE_EOF;) {
    if (next != ARCHIVE_OK) return damaged(why(from.get()));
    const char* path = archive_entry_pathname(entry);
    BOOST_OUTCOME_TRY(auto bytes, read_bytes(from.get()));
    BOOST_OUTCOME_TRY(each({path ? path : "", std::move(bytes)}));
  }
  return success();
}

Result<Checked> check(int descriptor) {
  Checked checked;
  std::vector<Part> found;
  bool begun = false, ended = false;
  BOOST_OUTCOME_TRY(read(descriptor, [&](const File& file) -> Result<> {
    if (!std::exchange(begun, true)) return check_heading(file);
    if (ended) return damaged("something follows its manifest");
    if (file.name == kManifest) {
      ended = true;
      return into(checked.manifest, file.bytes);
    }
    const bool is_page = file.name.starts_with(kTasks) || file.name.starts_with(kLetters);
    found.push_back({file.name, is_page ? std::count(file.bytes.begin(), file.bytes.end(), '\n') : 1,
                     sha256_hex(file.bytes)});
    if (is_page) {
      const auto entries = for_each_line(file.bytes, [&](std::string_view line) -> Result<> {
        if (file.name.starts_with(kLetters)) {
          BOOST_OUTCOME_TRY(const auto letter, read_letter(line));
          BOOST_OUTCOME_TRY(letter_of(letter));
          return success();
        }
        BOOST_OUTCOME_TRY(const auto task, read_task(line));
        BOOST_OUTCOME_TRY(record_of(task));
        BOOST_OUTCOME_TRY(message_of(task));
        return success();
      });
      if (!entries) return damaged(fmt::format("{}: {}", printable(file.name), entries.error().message));
    }
    if (file.name == kState) return into(checked.state, file.bytes);
    if (file.name.starts_with(kFiles)) checked.files.push_back({file.name.substr(kFiles.size()), file.bytes});
    return success();
  }));
  if (!ended) return damaged(begun ? "it is cut off: its end is missing" : "it is empty");
  const std::vector<Part>& said = checked.manifest.parts;
  const bool same =
      std::equal(found.begin(), found.end(), said.begin(), said.end(), [](const Part& a, const Part& b) {
        return a.name == b.name && a.entries == b.entries && a.sha256 == b.sha256;
      });
  if (!same) return damaged("what is in it is not what its manifest says");
  return checked;
}

Result<> for_each_line(std::string_view page, const std::function<Result<>(std::string_view)>& each) {
  while (!page.empty()) {
    const std::size_t end = std::min(page.find('\n'), page.size());
    BOOST_OUTCOME_TRY(each(page.substr(0, end)));
    page.remove_prefix(std::min(end + 1, page.size()));
  }
  return success();
}

}  // namespace medsynth::backup
