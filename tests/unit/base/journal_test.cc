// What systemd's journal is sent, by a socket of the test's own.
#include "medsynth/base/journal.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace medsynth {
namespace {

TEST(JournalTest, AFieldIsANameOfTheJournalsAndAnyBytes) {
  std::string entry;
  add_journal_field(entry, "task_id", "a=b");
  EXPECT_EQ(entry, "TASK_ID=a=b\n");
  entry.clear();
  add_journal_field(entry, "what-to.do", "two\nlines");
  EXPECT_EQ(entry, std::string("WHAT_TO_DO\n\x09\0\0\0\0\0\0\0two\nlines\n", 29));
  entry.clear();
  add_journal_field(entry, std::string(100, 'n'), "");
  EXPECT_EQ(entry, std::string(64, 'N') + "=\n");
}

TEST(JournalTest, StandardErrorLeadsThereWhereTheVariableNamesIt) {
  struct stat state{};
  ASSERT_EQ(::fstat(STDIN_FILENO, &state), 0);
  const std::string here = std::to_string(state.st_dev) + ":" + std::to_string(state.st_ino);
  EXPECT_TRUE(leads_to_journal(here, STDIN_FILENO));
  EXPECT_FALSE(leads_to_journal(here + "0", STDIN_FILENO));
  EXPECT_FALSE(leads_to_journal("", STDIN_FILENO));
  EXPECT_FALSE(leads_to_journal(here, -1));
}

TEST(JournalTest, WhatItDoesNotTakeIsSaid) {
  std::string folder = (std::filesystem::temp_directory_path() / "medsynth-journal-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/socket";
  EXPECT_FALSE(Journal(path).send("MESSAGE=nobody\n"));
  const int listener = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const Journal journal(path);
  EXPECT_TRUE(journal.send("MESSAGE=somebody\n"));
  char buffer[64];
  const ssize_t got = ::recv(listener, buffer, sizeof buffer, MSG_DONTWAIT);
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0))), "MESSAGE=somebody\n");
  EXPECT_FALSE(journal.send(std::string(64 * 1024 * 1024, 'x')));
  ::close(listener);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace medsynth
