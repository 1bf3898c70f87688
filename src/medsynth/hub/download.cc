#include "medsynth/hub/download.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <system_error>

#include <boost/describe.hpp>
#include <fmt/format.h>

#include "medsynth/base/described.h"
#include "medsynth/models/digest.h"

namespace medsynth::hub {
namespace {

namespace fs = std::filesystem;

constexpr int kMostRedirects = 10;
constexpr std::size_t kLongestText = 16U << 20U;
constexpr std::uint64_t kMegabyte = 1U << 20U;
constexpr std::uint64_t kLeft = 100 * kMegabyte;  // what a download leaves free

// What FILE.part is a part of.
struct Part {
  std::string url;     // of the source
  std::string sha256;  // as it was wanted or said; empty: not known
  std::string etag;    // of what sends it, in its quotes; empty: none that compares bytes
  std::uint64_t bytes = 0;
};
BOOST_DESCRIBE_STRUCT(Part, (), (url, sha256, etag, bytes))

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A sha256 where the entity tag is one, without its quotes.
std::string digest_in(std::string_view etag) {
  if (etag.starts_with("W/")) return "";
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  const bool hex = etag.size() == 64 && etag.find_first_not_of("0123456789abcdef") == etag.npos;
  return hex ? std::string(etag) : "";
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Error refusal_of(const Address& address, const Head& head) {
  const std::string what = fmt::format("{} answered {}", address.text(), head.status);
  if (head.status == 404 || head.status == 410)
    return {Code::not_found, what + ": there is no such file", "no_such_file"};
  if (head.status == 401 || head.status == 403)
    return {Code::not_allowed, what + ": it may not be fetched without an account there", "not_allowed"};
  if (head.status == 429)
    return {Code::exhausted, what + ": too many requests, try again later", "too_many_requests"};
  return {Code::unavailable, what + ": try again later", "unexpected_answer"};
}

// Follows redirects to the answer that is none. `on_head` sees each head with the address that gave it; success
// means that its body is wanted.
Result<Head> follow(const Source& source, const Fetch& options, std::map<std::string, std::string> fields,
                    const std::function<Result<>(const Address&, const Head&)>& on_head,
                    const std::function<Result<>(std::string_view)>& on_body) {
  Address at = source.address;
  for (int hops = 0; hops <= kMostRedirects; ++hops) {
    BOOST_OUTCOME_TRY(auto proxy, proxy_for(at, options.environment));
    Get call{.address = at,
             .proxy = std::move(proxy),
             .fields = fields,
             .silence = options.silence,
             .stop = options.stop};
    if (!source.token.empty() && at.origin() == source.address.origin())
      call.fields["Authorization"] = "Bearer " + source.token;
    bool leads_on = false;
    call.on_head = [&](const Head& head) -> Result<> {
      BOOST_OUTCOME_TRY(on_head(at, head));
      leads_on = is_redirect(head.status);
      if (leads_on || head.status / 100 == 2 || head.status == 416) return success();
      if (source.refusal && at.origin() == source.address.origin()) return source.refusal(head);
      return refusal_of(at, head);
    };
    call.on_body = [&](std::string_view bytes) -> Result<> {
      if (leads_on) return success();  // the text of a redirect
      return on_body(bytes);
    };
    BOOST_OUTCOME_TRY(auto head, get(call));
    if (!leads_on) return head;
    BOOST_OUTCOME_TRY(at, redirected(at, head.field("location")));
  }
  return Error{Code::unavailable, fmt::format("{} leads on and on", source.address.text()),
               "unexpected_answer"};
}

class Download {
 public:
  Download(const Source& source, fs::path file, const Fetch& options)
      : source_(source),
        options_(options),
        file_(std::move(file)),
        part_(file_.string() + ".part"),
        state_(file_.string() + ".part.json") {}

  Result<std::string> run() {
    std::error_code error;
    fs::create_directories(file_.parent_path(), error);
    read_state();
    while (!is_whole()) {
      const std::uint64_t before = have_;
      const int starts = starts_;
      const auto tried = attempt();
      if (tried && !is_whole()) return cut_short();
      if (tried) break;
      if (starts_ > starts && starts_ == 1) continue;
      const bool later = tried.error().code == Code::unavailable || tried.error().code == Code::timeout;
      if (!later || have_ <= before) return resumable(tried.error());
      BOOST_OUTCOME_TRY(rest());
    }
    return finish();
  }

 private:
  bool is_whole() const { return known_.bytes > 0 ? have_ == known_.bytes && fs::exists(part_) : ended_; }

  // What an earlier call left, as far as it belongs to this source.
  void read_state() {
    std::error_code error;
    std::ifstream in(state_);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto value = json::parse(text);
    auto kept = value ? described::from_value<Part>(*value) : Result<Part>(value.error());
    const bool ours = kept && kept->url == source_.address.text() &&
                      (source_.sha256.empty() || kept->sha256 == source_.sha256);
    const bool comparable = ours && (!kept->etag.empty() || !kept->sha256.empty());
    const auto size = fs::file_size(part_, error);
    if (comparable && !error && (kept->bytes == 0 || size <= kept->bytes)) {
      known_ = std::move(*kept);
      have_ = size;
    } else {
      forget();
    }
  }

  void forget() {
    std::error_code ignored;
    fs::remove(part_, ignored);
    fs::remove(state_, ignored);
    known_ = {.url = source_.address.text(), .sha256 = source_.sha256, .etag = "", .bytes = source_.bytes};
    have_ = 0;
  }

  Result<> attempt() {
    ended_ = false;
    out_.reset();
    std::map<std::string, std::string> fields;
    if (have_ > 0) {
      fields["Range"] = fmt::format("bytes={}-", have_);
      if (!known_.etag.empty()) fields["If-Range"] = known_.etag;
    }
    BOOST_OUTCOME_TRY(follow(
        source_, options_, fields, [this](const Address& from, const Head& head) { return look(from, head); },
        [this](std::string_view bytes) { return take(bytes); }));
    ended_ = true;
    return success();
  }

  // What is here is no part of what is there: away with it. The next attempt begins at the start.
  Error start_over(fmt::format_string<std::string> why, const Address& from) {
    forget();
    ++starts_;
    return {Code::unavailable, fmt::format(why, from.text()), "changed"};
  }

  // What a head says of the file: of the hub that leads on, or of what sends it.
  Result<> look(const Address& from, const Head& head) {
    if (const std::string said = digest_in(head.field("x-linked-etag")); !said.empty()) {
      BOOST_OUTCOME_TRY(learn_digest(said));
    }
    if (const auto size = number(head.field("x-linked-size"))) {
      BOOST_OUTCOME_TRY(learn_size(*size));
      BOOST_OUTCOME_TRY(check_room());
    }
    if (head.status == 416)  // nothing lies behind what is here, and yet it is not all
      return start_over("{} has less than what is here: pull again", from);
    if (head.status / 100 != 2) return success();
    const bool own = source_.of_hub && from.origin() == source_.address.origin();
    if (const std::string said = digest_in(head.field("etag")); own && !said.empty()) {
      BOOST_OUTCOME_TRY(learn_digest(said));
    }
    if (head.status == 206) {
      BOOST_OUTCOME_TRY(check_range(from, head.field("content-range")));
    } else {
      // The whole file from its start: the first answer, or it is another one by now, or no ranges are known there.
      if (const auto size = number(head.field("content-length"))) {
        BOOST_OUTCOME_TRY(learn_size(*size));
      }
      have_ = 0;
    }
    const std::string_view etag = head.field("etag");
    if (have_ > 0 && known_.sha256.empty() && etag != known_.etag)
      return start_over("{} has changed since its first part came: pull again", from);
    known_.etag = etag.starts_with('"') ? etag : "";
    BOOST_OUTCOME_TRY(check_room());
    BOOST_OUTCOME_TRY(write_state());
    out_.emplace(part_, std::ios::binary | (have_ > 0 ? std::ios::app : std::ios::trunc));
    if (!*out_) return unwritable();
    return success();
  }

  // Another digest than before: another file, from its start.
  Result<> learn_digest(const std::string& said) {
    if (!source_.sha256.empty() && said != source_.sha256)
      return Error{Code::invalid_argument,
                   fmt::format("{} is another file than the wanted one: its sha256 is {}, wanted {}",
                               source_.address.text(), said, source_.sha256),
                   "wrong_digest"};
    if (!known_.sha256.empty() && known_.sha256 != said && have_ > 0)
      return start_over("{} has changed since its first part came: pull again", source_.address);
    known_.sha256 = said;
    return success();
  }

  Result<> learn_size(std::uint64_t said) {
    if (known_.bytes > 0 && known_.bytes != said && have_ > 0)
      return start_over("{} has changed since its first part came: pull again", source_.address);
    if (known_.bytes > 0 && known_.bytes != said)
      return Error{Code::unavailable,
                   fmt::format("{} has {} bytes, and {} were announced: try again", source_.address.text(),
                               said, known_.bytes),
                   "wrong_size"};
    known_.bytes = said;
    return success();
  }

  // "bytes 100-199/200": it must go on where we are.
  Result<> check_range(const Address& from, std::string_view range) {
    const std::size_t dash = range.find('-'), slash = range.find('/');
    const auto start =
        range.starts_with("bytes ") && dash != range.npos ? number(range.substr(6, dash - 6)) : std::nullopt;
    if (have_ == 0 || start != have_) return start_over("{} sends another part than was asked for", from);
    const auto all = slash == range.npos ? std::nullopt : number(range.substr(slash + 1));
    if (all) return learn_size(*all);
    return success();
  }

  Result<> check_room() const {
    std::error_code error;
    const fs::space_info space = fs::space(file_.parent_path(), error);
    const std::uint64_t missing = known_.bytes > have_ ? known_.bytes - have_ : 0;
    if (error || (missing <= space.available && space.available - missing >= kLeft)) return success();
    return Error{Code::exhausted,
                 fmt::format("no room to fetch {} MB to {}, where {} MB are free: make room, or set "
                             "MEDSYNTH_MODELS_DIR to a folder that has it",
                             missing / kMegabyte, file_.parent_path().string(), space.available / kMegabyte),
                 "no_room"};
  }

  Result<> take(std::string_view bytes) {
    if (known_.bytes > 0 && bytes.size() > known_.bytes - have_)
      return Error{Code::unavailable,
                   fmt::format("{} sends more than it announced: try again", source_.address.text()),
                   "wrong_size"};
    errno = 0;
    out_->write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out_->flush();
    if (!*out_) return unwritable();
    have_ += bytes.size();
    if (options_.progress) options_.progress(have_, known_.bytes);
    return success();
  }

  Error unwritable() const {
    if (errno == ENOSPC || errno == EDQUOT)
      return {Code::exhausted,
              fmt::format("the disk of {} is full: make room and pull again, it goes on where it stopped",
                          file_.parent_path().string()),
              "no_room"};
    return {Code::unavailable,
            fmt::format("cannot write to {}: {}", file_.parent_path().string(),
                        std::generic_category().message(errno == 0 ? EIO : errno)),
            ""};
  }

  Result<> write_state() const {
    std::ofstream out(state_);
    out << json::write(described::to_value(known_));
    out.close();
    if (!out) return unwritable();
    return success();
  }

  // The answer ended, and it was not all.
  Result<std::string> cut_short() {
    return resumable(
        {Code::unavailable, fmt::format("what {} sends broke off", source_.address.origin()), "broke_off"});
  }

  // The same Error, with what is here already.
  Error resumable(Error error) const {
    const bool later = error.code == Code::unavailable || error.code == Code::timeout;
    if (have_ > 0 && later)
      error.message += fmt::format(". {}{} MB are here: the same pull goes on from there", have_ / kMegabyte,
                                   known_.bytes > 0 ? fmt::format(" of {}", known_.bytes / kMegabyte) : "");
    return error;
  }

  Result<> rest() const {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, options_.stop, options_.pause, [] { return false; });
    if (!options_.stop.stop_requested()) return success();
    return Error{Code::cancelled, fmt::format("fetching {} was cancelled", source_.address.text()), ""};
  }

  Result<std::string> finish() {
    out_.reset();
    std::error_code error;
    BOOST_OUTCOME_TRY(auto digest, models::file_digest(part_, options_.stop));
    if (!known_.sha256.empty() && digest != known_.sha256) {
      fs::remove(part_.string() + ".sha256", error);
      const std::string wanted = known_.sha256;
      forget();
      return Error{
          Code::invalid_argument,
          fmt::format("{} did not come as it was sent: its sha256 is {}, wanted {}. Nothing of it was kept; "
                      "pull it again",
                      source_.address.text(), digest, wanted),
          "wrong_digest"};
    }
    fs::rename(part_.string() + ".sha256", file_.string() + ".sha256", error);  // saves taking it again
    fs::rename(part_, file_, error);
    if (error)
      return Error{Code::unavailable, fmt::format("cannot write {}: {}", file_.string(), error.message()),
                   ""};
    fs::remove(state_, error);
    return digest;
  }

  const Source& source_;
  const Fetch& options_;
  const fs::path file_, part_, state_;
  Part known_;
  std::uint64_t have_ = 0;
  bool ended_ = false;  // the last answer came to its end
  int starts_ = 0;      // how often what was here was of no use
  std::optional<std::ofstream> out_;
};

}  // namespace

Result<Text> fetch_text(const Source& source, const Fetch& options) {
  Text text;
  BOOST_OUTCOME_TRY(
      text.head, follow(
                     source, options, {}, [](const Address&, const Head&) -> Result<> { return success(); },
                     [&](std::string_view bytes) -> Result<> {
                       text.body += bytes;
                       if (text.body.size() <= kLongestText) return success();
                       return Error{Code::unavailable,
                                    fmt::format("the answer of {} is too long", source.address.text()),
                                    "unexpected_answer"};
                     }));
  return text;
}

Result<std::string> download(const Source& source, const fs::path& file, const Fetch& options) {
  return Download(source, file, options).run();
}

}  // namespace medsynth::hub
