#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include "medsynth/cli/top/terminal.h"

#include <curses.h>
#include <langinfo.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cwchar>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "medsynth/base/settings.h"

namespace medsynth::cli::top {
namespace {

constexpr short kAlarming = 1;  // a pair of colours

// As many of the characters as fit: some take two columns, some none.
std::wstring fitting(const std::string& text, int columns) {
  std::wstring out;
  std::mbstate_t state{};
  for (std::size_t at = 0; at < text.size();) {
    wchar_t c = L'?';
    const std::size_t read = std::mbrtowc(&c, text.data() + at, text.size() - at, &state);
    if (read == 0 || read > text.size()) state = {}, c = L'?';
    at += read == 0 || read > text.size() ? 1 : read;
    const int width = ::wcwidth(c);
    if (width < 0) c = L'?';
    columns -= width < 0 ? 1 : width;
    if (columns < 0) break;
    out += c;
  }
  return out;
}

attr_t attributes_of(Style style, bool colours) {
  switch (style) {
    case Style::title:
      return A_BOLD;
    case Style::selected:
      return A_REVERSE;
    case Style::alarming:
      return A_BOLD | (colours ? static_cast<attr_t>(COLOR_PAIR(kAlarming)) : A_NORMAL);
    case Style::faint:
      return A_DIM;
    case Style::plain:
      break;
  }
  return A_NORMAL;
}

Key key_of(bool special, wint_t code) {
  if (special) {
    switch (code) {
      case KEY_UP:
        return Key::up;
      case KEY_DOWN:
        return Key::down;
      case KEY_RIGHT:
        return Key::next_pane;
      case KEY_LEFT:
      case KEY_BTAB:
        return Key::previous_pane;
      case KEY_RESIZE:
        return Key::none;
      default:
        return Key::other;
    }
  }
  switch (code) {
    case L'k':
      return Key::up;
    case L'j':
      return Key::down;
    case L'\t':
      return Key::next_pane;
    case L'p':
      return Key::pause;
    case L'd':
      return Key::drop;
    case L'c':
      return Key::cancel;
    case L'y':
    case L'Y':
      return Key::yes;
    case L'?':
    case L'h':
      return Key::help;
    case L'q':
      return Key::quit;
    default:
      return Key::other;
  }
}

}  // namespace

bool has_unicode() {
  static const bool yes = [] {
    std::setlocale(LC_CTYPE, "");
    return std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  }();
  return yes;
}

void Terminal::Close::operator()(void* screen) const {
  ::endwin();
  ::delscreen(static_cast<SCREEN*>(screen));
}

Result<Terminal> Terminal::open() {
  has_unicode();
  Terminal terminal;
  terminal.screen_.reset(::newterm(nullptr, stdout, stdin));
  if (!terminal.screen_)
    return invalid("TERM",
                   fmt::format("'{}' is no terminal that this machine knows (see infocmp): set TERM to "
                               "one that it does, or use --once",
                               process_environment("TERM").value_or("")));
  ::cbreak();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, true);
  ::nodelay(stdscr, true);
  ::set_escdelay(25);  // ms; arrows come at once
  ::curs_set(0);
  terminal.colours_ = colourful() && ::has_colors();
  if (terminal.colours_) {
    ::start_color();
    ::use_default_colors();
    ::init_pair(kAlarming, COLOR_YELLOW, -1);
  }
  return terminal;
}

Size Terminal::size() const {
  return {static_cast<std::size_t>(std::max(getmaxy(stdscr), 1)),
          static_cast<std::size_t>(std::max(getmaxx(stdscr), 1))};
}

void Terminal::show(const std::vector<Line>& lines) {
  ::werase(stdscr);
  const int columns = getmaxx(stdscr);
  for (int row = 0; row < std::min(static_cast<int>(lines.size()), getmaxy(stdscr)); ++row) {
    const Line& line = lines[static_cast<std::size_t>(row)];
    const std::wstring text = fitting(line.text.str(), columns);
    ::wattrset(stdscr, static_cast<int>(attributes_of(line.style, colours_)));
    ::wmove(stdscr, row, 0);
    ::waddnwstr(stdscr, text.data(), static_cast<int>(text.size()));
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

Key Terminal::next(std::chrono::milliseconds patience) {
  for (bool waited = false;; waited = true) {
    wint_t code = 0;
    if (const int kind = ::wget_wch(stdscr, &code); kind != ERR) return key_of(kind == KEY_CODE_YES, code);
    if (waited) return Key::none;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    ::poll(&input, 1, static_cast<int>(patience.count()));
    if (input.revents & (POLLHUP | POLLERR | POLLNVAL)) return Key::quit;
  }
}

}  // namespace medsynth::cli::top
