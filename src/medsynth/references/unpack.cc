#include "medsynth/references/unpack.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "medsynth/base/id.h"
#include "medsynth/base/text.h"
#include "medsynth/references/fields.h"
#include "medsynth/references/references.h"

namespace medsynth::references {
namespace {

constexpr std::size_t kMaxFiles = 1000;

using Archive = std::unique_ptr<archive, int (*)(archive*)>;

Error damaged(std::string why) {
  return invalid(
      "", fmt::format("the archive could not be unpacked ({}): unpack it by hand and give the files in it",
                      printable(why)));
}

Error too_large(std::size_t max_bytes) {
  return {Code::invalid_argument,
          fmt::format("unpacked, this is more than {} MiB: split the export", max_bytes >> 20),
          "payload_too_large"};
}

// Nothing: there are more than `left` bytes.
Result<std::optional<std::string>> read_entry(archive* from, std::size_t& left) {
  std::string out;
  std::array<char, 1 << 16> buffer;
  while (true) {
    const la_ssize_t got = archive_read_data(from, buffer.data(), buffer.size());
    if (got == 0) return std::optional(std::move(out));
    if (got < 0)
      return damaged(archive_error_string(from) ? archive_error_string(from) : "no reason was given");
    if (static_cast<std::size_t>(got) > left) return std::optional<std::string>();
    left -= static_cast<std::size_t>(got);
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// Windows-1252's characters at 0x80 to 0x9F (0: none); the others are those of Unicode.
constexpr std::array<std::uint16_t, 32> kWindows1252{
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

std::string from_windows_1252(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 8);
  for (const char each : bytes) {
    const auto c = static_cast<unsigned char>(each);
    const bool high = c >= 0x80 && c < 0xA0;
    append_utf8(out, high ? (kWindows1252[c - 0x80] ? kWindows1252[c - 0x80] : 0xFFFDu) : c);
  }
  return out;
}

std::string from_utf16(std::string_view bytes, bool big) {
  std::string out;
  const auto unit = [&](std::size_t at) {
    const auto a = static_cast<unsigned char>(bytes[at]), b = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<std::uint32_t>(big ? a << 8 | b : b << 8 | a);
  };
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    std::uint32_t c = unit(at);
    if (c >= 0xD800 && c < 0xDC00 && at + 3 < bytes.size()) {
      const std::uint32_t low = unit(at + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        at += 2;
      }
    }
    append_utf8(out, c);
  }
  return out;
}

// Each line by itself: one that is no UTF-8 (pasted from elsewhere) leaves the others as they are.
std::string from_utf8_or_windows_1252(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view line = bytes.substr(0, end == bytes.npos ? end : end + 1);
    out += is_utf8(line) ? std::string(line) : from_windows_1252(line);
    bytes.remove_prefix(line.size());
  }
  return out;
}

constexpr std::string_view kMark = "\xEF\xBB\xBF";  // the byte order mark in UTF-8

std::string with_line_feeds(std::string text) {
  std::size_t to = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\0') continue;
    if (text.compare(at, kMark.size(), kMark) == 0) {  // files that were put together bring theirs along
      at += kMark.size() - 1;
      continue;
    }
    if (text[at] == '\r') {
      if (at + 1 < text.size() && text[at + 1] == '\n') ++at;
      text[to++] = '\n';
    } else {
      text[to++] = text[at];
    }
  }
  text.resize(to);
  return text;
}

}  // namespace

Result<std::vector<File>> unpack(std::string_view bytes, std::size_t max_bytes) {
  const bool gzip = bytes.starts_with("\x1F\x8B"), zip = bytes.starts_with("PK\x03\x04");
  if (!gzip && !zip) {
    if (bytes.size() > max_bytes) return too_large(max_bytes);
    return std::vector<File>{{"", std::string(bytes)}};
  }
  const Archive from(archive_read_new(), &archive_read_free);
  archive_read_support_filter_gzip(from.get());
  if (zip)
    archive_read_support_format_zip(from.get());
  else
    archive_read_support_format_raw(from.get());
  if (archive_read_open_memory(from.get(), bytes.data(), bytes.size()) != ARCHIVE_OK)
    return damaged(archive_error_string(from.get()) ? archive_error_string(from.get())
                                                    : "no reason was given");
  std::vector<File> files;
  std::size_t left = max_bytes;
  archive_entry* entry = nullptr;
  while (true) {
    const int next = archive_read_next_header(from.get(), &entry);
    if (next == ARCHIVE_EOF) break;
    if (next != ARCHIVE_OK && next != ARCHIVE_WARN)
      return damaged(archive_error_string(from.get()) ? archive_error_string(from.get())
                                                      : "no reason was given");
    if (archive_entry_is_encrypted(entry)) return damaged("it is encrypted");
    const char* path = archive_entry_pathname(entry);
    std::string name = zip && path ? path : "";
    // Folders, and what macOS adds.
    if (zip && (name.ends_with('/') || name.starts_with("__MACOSX/") || name.ends_with(".DS_Store")))
      continue;
    if (files.size() >= kMaxFiles) return damaged(fmt::format("it has more than {} files", kMaxFiles));
    BOOST_OUTCOME_TRY(auto text, read_entry(from.get(), left));
    if (!text) return too_large(max_bytes);
    files.push_back({std::move(name), std::move(*text)});
  }
  if (files.empty()) return damaged("there is no file in it");
  return files;
}

std::string to_text(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE")) return with_line_feeds(from_utf16(bytes.substr(2), false));
  if (bytes.starts_with("\xFE\xFF")) return with_line_feeds(from_utf16(bytes.substr(2), true));
  return with_line_feeds(from_utf8_or_windows_1252(bytes));
}

}  // namespace medsynth::references
