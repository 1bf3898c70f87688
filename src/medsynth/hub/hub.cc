#include "medsynth/hub/hub.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "medsynth/base/json.h"
#include "medsynth/base/percent.h"
#include "medsynth/base/text.h"

namespace medsynth::hub {
namespace {

namespace fs = std::filesystem;

constexpr int kMostPages = 100;  // of a listing, 1,000 files each
constexpr std::size_t kMostShown = 20;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Letters, digits and "-._", as the hub has them for owners, repositories and revisions; no "..".
bool is_word(std::string_view text) {
  return !text.empty() && text.find("..") == text.npos && text.front() != '.' &&
         std::ranges::all_of(
             text, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '.' || c == '_'; });
}

// A path that stays inside its repository and, by its last part, inside our folder.
bool is_path(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.back() == '/') return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part.front() == '.') return false;
    at = end + 1;
  }
  return std::ranges::all_of(path, [](unsigned char c) { return c >= ' ' && c != 0x7f && c != '\\'; });
}

Error wrong_reference(std::string detail) {
  return invalid(
      "", fmt::format("a model of the hub {}: hf:OWNER/REPO, hf:OWNER/REPO:FILE or hf:OWNER/REPO:Q4_K_M",
                      std::move(detail)));
}

// What follows the hub's address, where `text` is one of its addresses: "OWNER/REPO/resolve/main/FILE".
std::optional<std::string> path_at(std::string_view text, const Address& hub) {
  const auto address = parse_address(text);
  if (!address || address->origin() != hub.origin()) return std::nullopt;
  std::string_view prefix = hub.target;
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  std::string_view path = address->target;
  path = path.substr(0, path.find('?'));
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return decoded(path);
}

// The address of one of its calls; `path` is encoded.
Result<Address> at(const Hub& hub, std::string_view path) {
  Address address = hub.address;
  while (address.target.ends_with('/')) address.target.pop_back();
  address.target += path;
  return address;
}

std::string shown(const std::vector<std::string>& paths) {
  std::vector<std::string> some;
  for (const std::string& path : paths)
    if (some.size() < kMostShown) some.push_back(printable(path));
  const std::string more =
      paths.size() > kMostShown ? fmt::format(" and {} more", paths.size() - kMostShown) : "";
  return fmt::format("{}{}", fmt::join(some, ", "), more);
}

// What the hub's refusals mean. It answers 401 for a repository that is private or not there.
std::function<Error(const Head&)> refusal(const Hub& hub, const Reference& reference) {
  return [&hub, reference](const Head& head) -> Error {
    const std::string_view code = head.field("x-error-code");
    const std::string where = fmt::format("{}/{}", hub.address.origin(), reference.repository);
    const bool shown_token = !hub.token.empty();
    if (code == "GatedRepo")
      return {
          Code::not_allowed,
          shown_token
              ? fmt::format(
                    "{0} is gated, and the account of HF_TOKEN may not read it yet: accept its conditions "
                    "at {0}",
                    where)
              : fmt::format(
                    "{0} is gated: accept its conditions at {0} with an account, and set HF_TOKEN to a "
                    "token of it",
                    where),
          "gated"};
    if (code == "RevisionNotFound")
      return {Code::not_found, fmt::format("{} has no revision {}", where, reference.revision),
              "no_such_revision"};
    if (code == "EntryNotFound")
      return {Code::not_found, fmt::format("{} has no file {}", where, printable(reference.file)),
              "no_such_file"};
    if (code == "RepoNotFound" || head.status == 404 || (head.status == 401 && !shown_token))
      return {Code::not_found,
              fmt::format("there is no repository {}, or it is private{}", where,
                          shown_token ? " and not for the account of HF_TOKEN"
                                      : ": then set HF_TOKEN to a token that may read it"),
              "no_such_repository"};
    if (head.status == 401 || head.status == 403)
      return {Code::not_allowed,
              fmt::format("{} refuses {}: is it expired, or may it not read {}?", hub.address.origin(),
                          shown_token ? "the token of HF_TOKEN" : "us, who show no token (HF_TOKEN)",
                          reference.repository),
              "not_allowed"};
    if (head.status == 429)
      return {Code::exhausted,
              fmt::format("{} has had too many requests from here: try again later{}", hub.address.origin(),
                          shown_token ? "" : ", or show a token (HF_TOKEN)"),
              "too_many_requests"};
    return {Code::unavailable,
            fmt::format("{} answered {}: try again later", hub.address.origin(), head.status),
            "unexpected_answer"};
  };
}

bool is_part_of_many(std::string_view path) {
  // NAME-00001-of-00003.gguf
  const std::size_t of = path.rfind("-of-");
  return path.ends_with(".gguf") && of != path.npos && of >= 6 && path[of - 6] == '-' &&
         std::ranges::all_of(path.substr(of - 5, 5), [](unsigned char c) { return std::isdigit(c); });
}

Error part_of_many(std::string_view path) {
  return {Code::invalid_argument,
          fmt::format(
              "{} is one of several parts, which this program does not read: choose a smaller model, or join "
              "them with llama.cpp's llama-gguf-split --merge and enter that with 'medsynth models add'",
              printable(path)),
          "split_file"};
}

bool is_model(std::string_view path) {
  const std::string name = lower(base_name(path));
  return (name.ends_with(".gguf") && !name.starts_with("mmproj")) || name.ends_with(".onnx");
}

// Whether the name has that part, between other signs than letters and digits: Q4_K_M is not in IQ4_K_M.
bool has_tag(std::string_view path, std::string_view tag) {
  const std::string name = lower(base_name(path)), wanted = lower(tag);
  const auto is_edge = [&](std::size_t i) {
    return i >= name.size() || !std::isalnum(static_cast<unsigned char>(name[i]));
  };
  for (std::size_t found = name.find(wanted); found != name.npos; found = name.find(wanted, found + 1))
    if ((found == 0 || is_edge(found - 1)) && is_edge(found + wanted.size())) return true;
  return false;
}

// What an ONNX model needs beside it, in its folder or at the repository's top.
bool belongs_to(std::string_view path, std::string_view model) {
  constexpr std::array<std::string_view, 12> kNames{"config.json",
                                                    "tokenizer.json",
                                                    "tokenizer_config.json",
                                                    "special_tokens_map.json",
                                                    "added_tokens.json",
                                                    "vocab.txt",
                                                    "vocab.json",
                                                    "merges.txt",
                                                    "spm.model",
                                                    "sentencepiece.bpe.model",
                                                    "tokenizer.model",
                                                    "LICENSE"};
  const std::string_view folder = path.substr(0, path.size() - base_name(path).size());
  const std::string_view model_folder = model.substr(0, model.size() - base_name(model).size());
  if (path == std::string(model) + "_data" || path == std::string(model) + ".data") return true;
  return (folder.empty() || folder == model_folder) && std::ranges::count(kNames, base_name(path)) > 0;
}

Choice with_companions(const std::vector<RepositoryFile>& files, const RepositoryFile& model) {
  Choice choice{.model = model, .beside = {}};
  if (!lower(model.path).ends_with(".onnx")) return choice;
  for (const RepositoryFile& each : files) {
    if (!belongs_to(each.path, model.path)) continue;
    const auto same = std::ranges::find(choice.beside, base_name(each.path),
                                        [](const RepositoryFile& other) { return base_name(other.path); });
    // The one in the model's own folder.
    if (same == choice.beside.end())
      choice.beside.push_back(each);
    else if (each.path.size() > same->path.size())
      *same = each;
  }
  return choice;
}

std::string next_page(std::string_view link) {
  const std::size_t begin = link.find('<'), end = link.find('>');
  if (begin == link.npos || end == link.npos || link.find("rel=\"next\"", end) == link.npos) return "";
  return std::string(link.substr(begin + 1, end - begin - 1));
}

std::uint64_t count(const json::object& entry, std::string_view name) {
  const json::value* member = entry.if_contains(name);
  return member && member->is_int64() && member->get_int64() > 0
             ? static_cast<std::uint64_t>(member->get_int64())
             : 0;
}

std::string word(const json::object& entry, std::string_view name) {
  const json::value* member = entry.if_contains(name);
  return member && member->is_string() ? std::string(member->get_string()) : "";
}

std::optional<RepositoryFile> read_entry(const json::value& value) {
  if (!value.is_object() || word(value.get_object(), "type") != "file") return std::nullopt;
  RepositoryFile file{
      .path = word(value.get_object(), "path"), .bytes = count(value.get_object(), "size"), .sha256 = ""};
  if (const json::value* lfs = value.get_object().if_contains("lfs"); lfs && lfs->is_object()) {
    file.sha256 = word(lfs->get_object(), "oid");
    if (const std::uint64_t size = count(lfs->get_object(), "size"); size > 0) file.bytes = size;
  }
  if (file.sha256.size() != 64) file.sha256.clear();
  if (!is_path(file.path)) return std::nullopt;
  return file;
}

}  // namespace

Result<Reference> parse_reference(std::string_view text, const Address& hub) {
  Reference reference;
  std::string rest;
  if (text.starts_with("hf:")) {
    rest = text.substr(3);
    while (rest.starts_with('/')) rest.erase(0, 1);
    if (const std::size_t colon = rest.find(':'); colon != rest.npos) {
      reference.file = rest.substr(colon + 1);
      rest.resize(colon);
      if (!is_path(reference.file)) return wrong_reference("has no file of that name");
    }
    if (const std::size_t at_sign = rest.find('@'); at_sign != rest.npos) {
      reference.revision = rest.substr(at_sign + 1);
      rest.resize(at_sign);
    }
  } else if (auto path = path_at(text, hub)) {
    rest = std::move(*path);
  }
  const std::size_t slash = rest.find('/');
  const std::size_t end = slash == rest.npos ? rest.npos : rest.find('/', slash + 1);
  if (end != rest.npos) {  // of an address: OWNER/REPO/(resolve|blob|tree)/REVISION[/FILE]
    std::string_view more = std::string_view(rest).substr(end + 1);
    const std::string_view verb = more.substr(0, more.find('/'));
    if (text.starts_with("hf:") || (verb != "resolve" && verb != "blob" && verb != "tree"))
      return wrong_reference("is named by owner and repository");
    more.remove_prefix(std::min(more.size(), verb.size() + 1));
    reference.revision = more.substr(0, more.find('/'));
    more.remove_prefix(std::min(more.size(), reference.revision.size() + 1));
    if (verb != "tree") reference.file = more;
    if (!reference.file.empty() && !is_path(reference.file))
      return wrong_reference("has no file of that name");
    rest.resize(end);
  }
  if (slash == rest.npos || !is_word(std::string_view(rest).substr(0, slash)) ||
      !is_word(std::string_view(rest).substr(slash + 1)))
    return wrong_reference("is named by owner and repository");
  if (!is_word(reference.revision))
    return wrong_reference("has a revision of letters, digits and -._ behind its @");
  reference.repository = rest;
  return reference;
}

bool is_reference(std::string_view text, const Address& hub) {
  return text.starts_with("hf:") || path_at(text, hub).has_value();
}

Result<Choice> choose(const std::vector<RepositoryFile>& files, const Reference& wanted) {
  std::vector<std::string> models, fitting;
  const RepositoryFile* chosen = nullptr;
  for (const RepositoryFile& each : files) {
    if (!is_model(each.path)) continue;
    models.push_back(each.path);
    if (wanted.file == each.path) return with_companions(files, each);
    if (wanted.file.empty() || has_tag(each.path, wanted.file)) {
      fitting.push_back(each.path);
      chosen = &each;
    }
  }
  if (models.empty())
    return Error{
        Code::not_found,
        fmt::format("{} has no GGUF file and no ONNX file: it must be converted first", wanted.repository),
        "no_such_file"};
  if (fitting.empty())
    return Error{Code::not_found,
                 fmt::format("{} has no file {}; there is {}", wanted.repository, printable(wanted.file),
                             shown(models)),
                 "no_such_file"};
  if (std::ranges::all_of(fitting, is_part_of_many)) return part_of_many(fitting.front());
  if (fitting.size() > 1)
    return Error{Code::conflict,
                 fmt::format("{} has several models; name one, as hf:{}:{}. There is {}", wanted.repository,
                             wanted.repository, printable(fitting.front()), shown(fitting)),
                 "ambiguous"};
  return with_companions(files, *chosen);
}

Result<std::vector<RepositoryFile>> list_files(const Hub& hub, const Reference& reference,
                                               const Fetch& options) {
  std::vector<RepositoryFile> files;
  BOOST_OUTCOME_TRY(auto address, at(hub, fmt::format("/api/models/{}/tree/{}?recursive=1",
                                                      reference.repository, reference.revision)));
  for (int page = 0; page < kMostPages; ++page) {
    BOOST_OUTCOME_TRY(
        const auto text,
        fetch_text({.address = address, .token = hub.token, .refusal = refusal(hub, reference)}, options));
    const auto listed = json::parse(text.body);
    if (!listed || !listed->is_array())
      return Error{
          Code::unavailable,
          fmt::format("{} does not list its files as the hub does: is {} the address of a hub (HF_ENDPOINT)?",
                      address.text(), hub.address.origin()),
          "unexpected_answer"};
    for (const json::value& each : listed->get_array())
      if (auto file = read_entry(each)) files.push_back(std::move(*file));
    const std::string next = next_page(text.head.field("link"));
    if (next.empty()) break;
    BOOST_OUTCOME_TRY(address, redirected(address, next));
    // The next page is the hub's own, or its token would go elsewhere.
    if (address.origin() != hub.address.origin()) break;
  }
  return files;
}

Result<Fetched> fetch_model(const Hub& hub, std::string_view from, std::string_view sha256,
                            const fs::path& folder, const Fetch& options) {
  // It becomes a line of a request's head.
  if (!std::ranges::all_of(hub.token, [](char c) { return c > ' ' && c < '\x7f'; }))
    return invalid("HF_TOKEN", "must be a token of the hub, in one line");
  if (!is_reference(from, hub.address)) {
    BOOST_OUTCOME_TRY(const auto address, parse_address(from));
    const std::string path = address.target.substr(0, address.target.find('?'));
    const std::string file(base_name(path));
    if (!is_path(file)) return invalid("", "the address must end with a file's name, such as model.gguf");
    BOOST_OUTCOME_TRY(auto digest,
                      download({.address = address, .sha256 = std::string(sha256)}, folder / file, options));
    return Fetched{folder / file, std::move(digest)};
  }
  BOOST_OUTCOME_TRY(auto reference, parse_reference(from, hub.address));
  Choice choice;
  if (lower(reference.file).ends_with(".gguf")) {
    choice.model.path = reference.file;
  } else {
    BOOST_OUTCOME_TRY(const auto files, list_files(hub, reference, options));
    BOOST_OUTCOME_TRY(choice, choose(files, reference));
  }
  if (is_part_of_many(choice.model.path)) return part_of_many(choice.model.path);
  std::vector<RepositoryFile> all = choice.beside;
  all.push_back(choice.model);
  Fetched fetched{.model = folder / base_name(choice.model.path), .sha256 = ""};
  for (const RepositoryFile& each : all) {
    BOOST_OUTCOME_TRY(auto address, at(hub, fmt::format("/{}/resolve/{}/{}", reference.repository,
                                                        reference.revision, percent_encode(each.path, "/"))));
    reference.file = each.path;
    Source source{.address = std::move(address),
                  .token = hub.token,
                  .sha256 = each.sha256,
                  .bytes = each.bytes,
                  .of_hub = true,
                  .refusal = refusal(hub, reference)};
    if (each.path == choice.model.path && !sha256.empty()) source.sha256 = sha256;
    BOOST_OUTCOME_TRY(fetched.sha256, download(source, folder / base_name(each.path), options));
  }
  return fetched;
}

std::string name_of(std::string_view from, const Address& hub) {
  const auto reference =
      is_reference(from, hub) ? parse_reference(from, hub) : Result<Reference>(Reference{});
  std::string name =
      lower(base_name(reference && !reference->repository.empty() ? std::string_view(reference->repository)
                                                                  : from.substr(0, from.find('?'))));
  for (const std::string_view ending : {".gguf", "-gguf", ".onnx", "-onnx"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  std::ranges::replace_if(
      name, [](unsigned char c) { return !std::isalnum(c) && c != '.' && c != '-' && c != '_'; }, '-');
  return name;
}

}  // namespace medsynth::hub
