#include "medsynth/cli/manual.h"

#include <algorithm>
#include <functional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "medsynth/base/text.h"

namespace medsynth::cli {
namespace {

using Words = std::vector<std::string>;

std::string joined(const Words& words, std::string_view between = " ") {
  return fmt::format("{}", fmt::join(words, between));
}

// ---- reading the parser ----

// A type as the parser shows it: "TEXT", "INT", "TEXT:{table,json}".
OptionPage page_of(const CLI::Option& option) {
  OptionPage page{.help = option.get_description(),
                  .required = option.get_required(),
                  .repeatable = option.get_items_expected_max() > 1};
  if (option.get_positional()) {
    page.value = option.get_single_name();
  } else {
    for (const std::string& name : option.get_snames()) page.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) page.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() == 0) return page;  // a flag
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.rfind('}');
  if (page.value.empty()) page.value = type.substr(0, type.find(':'));
  if (open == std::string::npos || close < open) return page;
  const std::string choices = type.substr(open + 1, close - open - 1);
  for (std::size_t at = 0; at <= choices.size();) {
    const std::size_t end = std::min(choices.find(',', at), choices.size());
    page.choices.push_back(choices.substr(at, end - at));
    at = end + 1;
  }
  return page;
}

// Options of this one: the shown ones, or with `hidden` those without a group, which settings are.
void add_options(const CLI::App& app, bool hidden, std::vector<OptionPage>& to) {
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    const bool is_hidden = option->get_group().empty();
    if (is_hidden == hidden && (!hidden || !option->get_positional())) to.push_back(page_of(*option));
  }
}

void add_pages(const CLI::App& app, const CLI::App& root, const Words& path,
               std::vector<CommandPage>& pages) {
  CommandPage page{.path = path, .aliases = app.get_aliases(), .help = app.get_description()};
  add_options(app, false, page.options);
  if (path == Words{"serve"} || path == Words{"worker"}) add_options(root, true, page.options);
  pages.push_back(std::move(page));
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;
    Words below = path;
    below.push_back(command->get_name());
    add_pages(*command, root, below, pages);
  }
}

// ---- completion ----

bool is_below(const CommandPage& page, const CommandPage& parent) {
  return page.path.size() == parent.path.size() + 1 &&
         std::equal(parent.path.begin(), parent.path.end(), page.path.begin());
}

std::string first_sentence(std::string_view help) {
  std::string_view first = help.substr(0, help.find(": "));
  return std::string(first.substr(0, first.find("; ")));
}

// In single quotes of a POSIX shell; fish understands the same but for its backslash.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Every way to write the path, aliases too: "models ls" is "models list".
std::vector<std::string> spellings(const CommandPage& page) {
  const std::string own = joined(page.path);
  std::vector<std::string> out{own};
  const std::string before = own.substr(0, own.rfind(' ') + 1);
  for (const std::string& alias : page.aliases) out.push_back(before + alias);
  return out;
}

struct Candidate {
  std::string word, help;
};

// What may follow the path: commands, then options.
std::vector<Candidate> candidates(const CommandPage& page, const std::vector<CommandPage>& pages) {
  std::vector<Candidate> out;
  for (const CommandPage& each : pages)
    if (is_below(each, page)) out.push_back({each.path.back(), first_sentence(each.help)});
  for (const OptionPage& option : page.options) {
    for (const std::string& name : option.names)
      if (name.starts_with("--")) out.push_back({name, first_sentence(option.help)});
    if (option.names.empty())
      for (const std::string& choice : option.choices) out.push_back({choice, ""});
  }
  return out;
}

// Options of every command and of the program, as their one name that is completed, with their values.
std::vector<const OptionPage*> with_choices(const CommandPage& page) {
  std::vector<const OptionPage*> out;
  for (const OptionPage& option : page.options)
    if (!option.choices.empty() && !option.names.empty()) out.push_back(&option);
  return out;
}

// Shared by bash and zsh: `$at` is the command so far, "" for the program.
std::string path_cases(const std::vector<CommandPage>& pages) {
  std::string out;
  for (const CommandPage& page : pages) {
    if (page.path.empty()) continue;
    Words patterns;
    for (const std::string& each : spellings(page)) patterns.push_back(in_quotes(each));
    out += fmt::format("      {}) at={} ;;\n", joined(patterns, " | "), in_quotes(joined(page.path)));
  }
  return out;
}

std::string value_cases(const std::vector<CommandPage>& pages, std::string_view action) {
  std::string out;
  for (const CommandPage& page : pages)
    for (const OptionPage* option : with_choices(page)) {
      Words patterns;
      for (const std::string& name : option->names)
        patterns.push_back(in_quotes((page.path.empty() ? "*" : joined(page.path)) + ":" + name));
      // The program's own options go with every command.
      std::string pattern = joined(patterns, " | ");
      if (page.path.empty()) {
        patterns.clear();
        for (const std::string& name : option->names) patterns.push_back("*:" + name);
        pattern = joined(patterns, " | ");
      }
      out +=
          fmt::format("    {}) {} ;;\n", pattern, fmt::format(fmt::runtime(action), joined(option->choices)));
    }
  return out;
}

// What is offered behind each command: `assign` makes a statement of all its candidates, as `shown` shows one.
std::string word_cases(const std::vector<CommandPage>& pages,
                       const std::function<std::string(const Candidate&)>& shown,
                       const std::function<std::string(const std::string&)>& assign) {
  std::string out;
  for (const CommandPage& page : pages) {
    Words all;
    for (const Candidate& each : candidates(page, pages)) all.push_back(shown(each));
    out += fmt::format("    {}) {} ;;\n", in_quotes(joined(page.path)), assign(joined(all)));
  }
  return out;
}

std::string bash(const std::vector<CommandPage>& pages) {
  const std::string words = word_cases(
      pages, [](const Candidate& each) { return each.word; },
      [](const std::string& all) { return "words=" + in_quotes(all); });
  return fmt::format(R"(# bash completion of medsynth; made by 'medsynth completion bash'
_medsynth() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} at= words= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "${{at:+$at }}${{COMP_WORDS[i]}}" in
{}    esac
  done
  case "$at:$before" in
{}  esac
  case "$at" in
{}  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -o default -F _medsynth medsynth
)",
                     path_cases(pages),
                     value_cases(pages, R"(mapfile -t COMPREPLY < <(compgen -W '{}' -- "$word"); return)"),
                     words);
}

// "word:help" with its colons escaped, as _describe takes it.
std::string zsh(const std::vector<CommandPage>& pages) {
  const auto described = [](const Candidate& each) {
    std::string text;
    for (const char c : each.word) text += c == ':' ? "\\:" : std::string(1, c);
    return in_quotes(each.help.empty() ? text : text + ":" + each.help);
  };
  const std::string words =
      word_cases(pages, described, [](const std::string& all) { return "all=(" + all + ")"; });
  return fmt::format(R"(#compdef medsynth
# zsh completion of medsynth; made by 'medsynth completion zsh'
_medsynth() {{
  local before=$words[CURRENT-1] at= i
  local -a all
  for ((i = 2; i < CURRENT; ++i)); do
    case "${{at:+$at }}$words[i]" in
{}    esac
  done
  case "$at:$before" in
{}  esac
  case "$at" in
{}  esac
  _describe medsynth all || _files
}}
if [[ $funcstack[1] == _medsynth ]]; then _medsynth "$@"; else compdef _medsynth medsynth; fi
)",
                     path_cases(pages), value_cases(pages, "all=({}); _describe value all; return"), words);
}

std::string fish_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

std::string fish(const std::vector<CommandPage>& pages) {
  std::string cases, lines;
  for (const CommandPage& page : pages) {
    if (!page.path.empty()) {
      Words patterns;
      for (const std::string& each : spellings(page)) patterns.push_back(fish_quotes(each));
      cases += fmt::format("      case {}\n        set path {}\n", joined(patterns),
                           fish_quotes(joined(page.path)));
    }
    const std::string here =
        page.path.empty() ? ""
                          : fmt::format("test \"$(__medsynth_path)\" = {}", in_quotes(joined(page.path)));
    const std::string at_start = "test -z \"$(__medsynth_path)\"";
    for (const CommandPage& each : pages)
      if (is_below(each, page))
        lines += fmt::format("complete -c medsynth -f -n {} -a {} -d {}\n",
                             fish_quotes(here.empty() ? at_start : here), each.path.back(),
                             fish_quotes(first_sentence(each.help)));
    for (const OptionPage& option : page.options) {
      std::string line = "complete -c medsynth";
      if (!here.empty()) line += fmt::format(" -n {}", fish_quotes(here));
      for (const std::string& name : option.names)
        line += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2))
                                       : fmt::format(" -s {}", name.substr(1));
      if (option.names.empty() && option.choices.empty()) continue;
      if (!option.value.empty() && !option.names.empty()) line += " -r";
      if (!option.choices.empty()) line += fmt::format(" -f -a {}", fish_quotes(joined(option.choices)));
      lines += fmt::format("{} -d {}\n", line, fish_quotes(first_sentence(option.help)));
    }
  }
  return fmt::format(R"(# fish completion of medsynth; made by 'medsynth completion fish'
function __medsynth_path
  set -l path ''
  for word in (commandline -opc)[2..]
    switch (string trim -- "$path $word")
{}    end
  end
  echo $path
end
{})",
                     cases, lines);
}

// ---- the manual page ----

// A line that begins with a dot or a quote would be a request; dashes stay what one types.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out = "\\&" + out;
  return out;
}

std::string shown_value(const OptionPage& option) {
  if (!option.choices.empty()) return joined(option.choices, "|");
  return option.value;
}

std::string usage_of(const CommandPage& page, const std::vector<CommandPage>& pages) {
  std::string out = "medsynth";
  for (const std::string& word : page.path) out += " " + word;
  out += " [OPTIONS]";
  for (const OptionPage& option : page.options) {
    if (!option.names.empty()) continue;
    const std::string word = option.value + (option.repeatable ? "..." : "");
    out += option.required ? " " + word : " [" + word + "]";
  }
  const bool has_commands =
      std::any_of(pages.begin(), pages.end(), [&](const CommandPage& each) { return is_below(each, page); });
  return has_commands ? out + " COMMAND" : out;
}

}  // namespace

std::vector<CommandPage> pages_of(const CLI::App& app) {
  std::vector<CommandPage> pages;
  add_pages(app, app, {}, pages);
  return pages;
}

Result<std::string> completion(const std::vector<CommandPage>& pages, std::string_view shell) {
  if (shell == "bash") return bash(pages);
  if (shell == "zsh") return zsh(pages);
  if (shell == "fish") return fish(pages);
  return invalid("SHELL", "must be bash, zsh or fish");
}

std::string manual(const std::vector<CommandPage>& pages, std::string_view version, std::string_view date) {
  std::string out =
      fmt::format(".TH MEDSYNTH 1 \"{}\" \"medsynth {}\" \"User Commands\"\n.SH NAME\nmedsynth \\- {}\n",
                  date, version, roff(pages.front().help));
  out += fmt::format(".SH SYNOPSIS\n.B {}\n", roff(usage_of(pages.front(), pages)));
  for (const CommandPage& page : pages) {
    out += page.path.empty()
               ? ".SH OPTIONS\n"
               : fmt::format("{} \"{}\"\n.B {}\n.PP\n{}\n", page.path.size() == 1 ? ".SH" : ".SS",
                             roff("medsynth " + joined(page.path)), roff(usage_of(page, pages)),
                             roff(page.help));
    for (const OptionPage& option : page.options) {
      const std::string names = option.names.empty() ? shown_value(option) : joined(option.names, ", ");
      const std::string value = option.names.empty() || option.value.empty() ? "" : " " + shown_value(option);
      out += fmt::format(".TP\n.B {}\n{}\n", roff(names + value), roff(option.help));
    }
  }
  return out +
         ".SH EXIT STATUS\n0 done; 1 what was asked for did not hold; 2 wrong usage; 3 not found; 6 the "
         "server or Redis is away.\n.SH FILES\n.TP\n.B $XDG_CONFIG_HOME/medsynth/medsynth.toml\nSettings\n"
         ".TP\n.B $XDG_DATA_HOME/medsynth\nThe managed Redis, models, labels\n";
}

}  // namespace medsynth::cli
