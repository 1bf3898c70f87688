// See bench/inference.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <llama.h>

#include "medsynth/contradiction/language_model.h"
#include "medsynth/inference/engine.h"

namespace {

using namespace medsynth;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::string_view kFirst =
    "Low-dose aspirin reduces the risk of myocardial infarction in adults over 50 years.";
constexpr std::string_view kSecond =
    "No significant difference in myocardial infarction was found between aspirin and placebo.";

std::vector<inference::Prompt> prompts(bool kept) {
  std::vector<inference::Prompt> all{contradiction::prompt_of(kFirst, kSecond),
                                     contradiction::prompt_of(kSecond, kFirst),
                                     contradiction::prompt_of("N/A", "N/A", true)};
  for (inference::Prompt& each : all)
    if (!kept) each.shared = 0, each.constant = false;
  return all;
}

template <class Call>
double timed(const Call& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return Milliseconds(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// The same computation by hand: a kept prefix, two tails in one batch, the logits after each.
class Bare {
 public:
  Bare(const char* path, int threads) {
    model_ = llama_model_load_from_file(path, llama_model_default_params());
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 2048;
    params.n_batch = params.n_ubatch = 512;
    params.n_seq_max = 33;
    params.n_threads = params.n_threads_batch = threads;
    params.kv_unified = true;
    params.no_perf = true;
    context_ = llama_init_from_model(model_, params);
    batch_ = llama_batch_init(512, 0, 1);
    const std::vector<inference::Prompt> asked = prompts(true);
    const auto one = tokens(asked[0].text), two = tokens(asked[1].text),
               beginning = tokens(asked[0].text.substr(0, asked[0].shared));
    shared_ = static_cast<std::size_t>(std::mismatch(beginning.begin(), beginning.end(), one.begin()).first -
                                       beginning.begin());
    for (std::size_t i = 0; i < shared_; ++i) add(one[i], i, kPrefix, false);
    llama_decode(context_, batch_);
    tails_[0].assign(one.begin() + static_cast<std::ptrdiff_t>(shared_), one.end());
    tails_[1].assign(two.begin() + static_cast<std::ptrdiff_t>(shared_), two.end());
  }
  ~Bare() {
    llama_batch_free(batch_);
    llama_free(context_);
    llama_model_free(model_);
  }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  std::size_t tokens_computed() const { return tails_[0].size() + tails_[1].size(); }
  float run() {
    auto* memory = llama_get_memory(context_);
    batch_.n_tokens = 0;
    std::array<std::int32_t, 2> ends{};
    for (llama_seq_id s = 0; s < 2; ++s) {
      llama_memory_seq_rm(memory, s, -1, -1);
      const auto& tail = tails_[static_cast<std::size_t>(s)];
      for (std::size_t i = 0; i < tail.size(); ++i) add(tail[i], shared_ + i, s, i + 1 == tail.size());
      ends[static_cast<std::size_t>(s)] = batch_.n_tokens - 1;
    }
    for (llama_seq_id s = 0; s < 2; ++s) llama_memory_seq_cp(memory, kPrefix, s, -1, -1);
    if (llama_decode(context_, batch_) != 0) std::exit(1);
    return llama_get_logits_ith(context_, ends[0])[0] + llama_get_logits_ith(context_, ends[1])[0];
  }

 private:
  static constexpr llama_seq_id kPrefix = 32;

  std::vector<llama_token> tokens(const std::string& text) const {
    const llama_vocab* vocab = llama_model_get_vocab(model_);
    std::vector<llama_token> out(text.size() + 2);
    const auto begin = llama_vocab_get_add_bos(vocab);
    out.resize(
        static_cast<std::size_t>(llama_tokenize(vocab, text.data(), static_cast<int>(text.size()), out.data(),
                                                static_cast<int>(out.size()), false, false)));
    if (begin) out.insert(out.begin(), llama_vocab_bos(vocab));
    return out;
  }
  void add(llama_token token, std::size_t position, llama_seq_id sequence, bool wanted) {
    const auto at = batch_.n_tokens++;
    batch_.token[at] = token;
    batch_.pos[at] = static_cast<llama_pos>(position);
    batch_.n_seq_id[at] = 1;
    batch_.seq_id[at][0] = sequence;
    batch_.logits[at] = wanted;
  }

  llama_model* model_;
  llama_context* context_;
  llama_batch batch_{};
  std::size_t shared_ = 0;
  std::array<std::vector<llama_token>, 2> tails_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int threads = std::atoi(argv[2]), rounds = std::atoi(argv[3]);
  const auto engine = inference::make_engine();
  const auto loaded =
      engine->load({.path = argv[1], .name = "bench", .sha256 = "", .threads = threads, .context = 2048});
  if (!loaded) {
    fmt::print(stderr, "bench: {}\n", loaded.error().message);
    return 1;
  }
  inference::Model& model = **loaded;
  const auto labels = contradiction::labels();
  const auto at_first = prompts(false), now = prompts(true);
  const auto score = [&](const std::vector<inference::Prompt>& asked) {
    const auto scores = model.score(asked, labels, {});
    if (!scores) std::exit(1);
    return *scores;
  };
  Bare bare(argv[1], threads);
  score(now);
  bare.run();
  const std::vector<inference::Prompt> one{now[0], now[2]}, other{now[1], now[2]};
  std::vector<double> first_times, now_times, apart_times, bare_times;
  for (int i = 0; i < rounds; ++i) {
    first_times.push_back(timed([&] { score(at_first); }));
    score(now);  // the round's first way has ended what was kept
    now_times.push_back(timed([&] { score(now); }));
    bare_times.push_back(timed([&] { bare.run(); }));
    apart_times.push_back(timed([&] {
      score(one);
      score(other);
    }));
  }
  std::int64_t all = 0;
  for (const auto& each : score(at_first)) all += each.tokens;
  fmt::print("{}, {} threads, {} rounds\n\n", model.info().description, threads, rounds);
  fmt::print("| one pair, both orders | tokens computed | median ms | fastest ms |\n|---|---|---|---|\n");
  const auto row = [](const char* name, std::int64_t tokens, const std::vector<double>& times) {
    fmt::print("| {} | {} | {:.1f} | {:.1f} |\n", name, tokens, median(times),
               *std::min_element(times.begin(), times.end()));
  };
  const auto tails = static_cast<std::int64_t>(bare.tokens_computed());
  row("three prompts, nothing kept", all, first_times);
  row("prefix and content-free prompt kept", tails, now_times);
  row("the same, each order in a call of its own", tails, apart_times);
  row("bare llama.cpp, the same tokens", tails, bare_times);
  const auto over = [](double ours, double theirs) { return 100 * (ours / theirs - 1); };
  fmt::print("\n| overhead over bare llama.cpp | % | target |\n|---|---|---|\n");
  fmt::print("| by the medians | {:.1f} | ≤ 2 % |\n", over(median(now_times), median(bare_times)));
  fmt::print("| by the fastest | {:.1f} | ≤ 2 % |\n",
             over(*std::min_element(now_times.begin(), now_times.end()),
                  *std::min_element(bare_times.begin(), bare_times.end())));
  fmt::print("\n{:.2f} times as fast as at first; {:.2f} times as fast as one call for each order\n",
             median(first_times) / median(now_times), median(apart_times) / median(now_times));
}
