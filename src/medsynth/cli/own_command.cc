#include "medsynth/cli/own_command.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "medsynth/base/settings.h"

namespace medsynth::cli {

Result<std::vector<std::string>> own_command(std::string_view command,
                                             const std::map<std::string, std::string, std::less<>>& flags) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Error{Code::internal, "cannot find my own program: " + error.message(), ""};
  std::vector<std::string> words{self.string(), std::string(command)};
  for (const auto& [name, text] : flags) {
    const auto table = settings_table();
    const auto setting =
        std::find_if(table.begin(), table.end(), [&](const Setting& each) { return each.name == name; });
    if (setting != table.end() && setting->secret) {
      setenv(std::string(setting->environment).c_str(), text.c_str(), 1);
      continue;
    }
    std::string flag = "--" + name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    const bool alone = setting != table.end() && is_switch(*setting) && text == "true";
    if (text.empty()) {  // "--flag=" would take the next word
      words.insert(words.end(), {flag, ""});
      continue;
    }
    words.push_back(alone ? flag : flag + "=" + text);
  }
  return words;
}

}  // namespace medsynth::cli
