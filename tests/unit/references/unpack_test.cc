#include "medsynth/references/unpack.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "medsynth/references/references.h"

namespace medsynth::references {
namespace {

// An archive with these files; gzip takes one.
std::string packed(bool zip, const std::vector<std::pair<std::string, std::string>>& files) {
  std::string out(1 << 20, '\0');
  std::size_t used = 0;
  archive* to = archive_write_new();
  if (zip) {
    archive_write_set_format_zip(to);
  } else {
    archive_write_add_filter_gzip(to);
    archive_write_set_format_raw(to);
  }
  archive_write_open_memory(to, out.data(), out.size(), &used);
  for (const auto& [name, text] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(to, entry);
    archive_write_data(to, text.data(), text.size());
    archive_entry_free(entry);
  }
  archive_write_close(to);
  archive_write_free(to);
  out.resize(used);
  return out;
}

constexpr const char* kRis = "TY  - JOUR\nTI  - A\nER  -\n";

TEST(Unpack, Gzip) {
  const auto read_ = read(packed(false, {{"x", kRis}}));
  ASSERT_TRUE(read_) << read_.error().message;
  EXPECT_EQ(read_->references[0].title, "A");
}

// Each file of an archive goes by its own format; one that is no export is a warning with its name.
TEST(Unpack, Zip) {
  const auto read_ = read(packed(true, {{"a.ris", kRis},
                                        {"b.csv", "title,abstract\nB,b\n"},
                                        {"readme.txt", "hello"},
                                        {"__MACOSX/._a.ris", "junk"}}));
  ASSERT_TRUE(read_) << read_.error().message;
  ASSERT_EQ(read_->references.size(), 2u);
  EXPECT_EQ(read_->references[1].file, "b.csv");
  ASSERT_EQ(read_->warnings.size(), 1u);
  EXPECT_EQ(read_->warnings[0].file, "readme.txt");
}

// Half an archive, and one that is a thousand times larger inside than allowed.
TEST(Unpack, DamagedAndBomb) {
  const std::string whole = packed(false, {{"x", std::string(500'000, 'x')}});
  EXPECT_FALSE(read(whole.substr(0, whole.size() / 2)));
  EXPECT_FALSE(read("\x1F\x8B"));
  EXPECT_FALSE(read(std::string("PK\x03\x04") + std::string(100, '\0')));
}

// Encodings and line ends of the programs that write such files.
TEST(ToText, Encodings) {
  EXPECT_EQ(to_text("\xEF\xBB\xBF"
                    "a\r\nb\rc"),
            "a\nb\nc");
  EXPECT_EQ(to_text("M\xFCller \x96 \x80"), "Müller – €");
  EXPECT_EQ(to_text(std::string_view("\xFF\xFEM\0\xFC\0\x3D\xD8\x00\xDE", 10)), "Mü\U0001F600");
  EXPECT_EQ(to_text(std::string_view("\xFE\xFF\0M\0\xFC", 6)), "Mü");
  EXPECT_EQ(to_text(std::string_view("a\0b", 3)), "ab");
}

}  // namespace
}  // namespace medsynth::references
