#include "medsynth/cli/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>

#include "medsynth/base/settings.h"

namespace medsynth::cli {

std::size_t screen_width() {
  std::size_t given = 0;
  if (const auto text = process_environment("COLUMNS"))
    std::from_chars(text->data(), text->data() + text->size(), given);
  winsize size{};
  if (given == 0 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) given = size.ws_col;
  return given;
}

}  // namespace medsynth::cli
