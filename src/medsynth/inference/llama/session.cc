#include "medsynth/inference/llama/session.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "medsynth/inference/llama/runtime.h"
#include "medsynth/inference/turn.h"

namespace medsynth::inference::llama {
namespace {

// Logits that may be wanted in one slice: each costs a row of the vocabulary's size.
constexpr std::uint32_t kWantedPerSlice = 64;

enum llama_pooling_type pooling_of(const llama_model* model) {
  std::array<char, 64> arch{}, pooling{};
  if (llama_model_meta_val_str(model, "general.architecture", arch.data(), arch.size()) < 0)
    return LLAMA_POOLING_TYPE_MEAN;
  const std::string key = fmt::format("{}.pooling_type", arch.data());
  if (llama_model_meta_val_str(model, key.c_str(), pooling.data(), pooling.size()) < 0)
    return LLAMA_POOLING_TYPE_MEAN;
  const int type = std::atoi(pooling.data());
  return type == LLAMA_POOLING_TYPE_CLS || type == LLAMA_POOLING_TYPE_LAST
             ? static_cast<enum llama_pooling_type>(type)
             : LLAMA_POOLING_TYPE_MEAN;
}

}  // namespace

Session::Session(const SessionOptions& options) : options_(options) {}

Session::~Session() {
  if (batch_.token) llama_batch_free(batch_);
  llama_free(context_);
}

Result<std::unique_ptr<Session>> Session::open(llama_model* model, const SessionOptions& options) {
  std::unique_ptr<Session> session(new Session(options));
  llama_context_params params = llama_context_default_params();
  params.n_ctx = options.context;
  params.n_batch = options.batch;
  params.n_ubatch = options.batch;
  params.n_seq_max = options.sequences;
  params.n_outputs_max = options.embeddings ? 0 : kWantedPerSlice;
  params.n_threads = options.threads;
  params.n_threads_batch = options.threads;
  params.embeddings = options.embeddings;
  params.pooling_type = options.embeddings ? pooling_of(model) : LLAMA_POOLING_TYPE_NONE;
  // One store of keys and values for all sequences, so that one long prompt may use all of it.
  params.kv_unified = true;
  params.no_perf = true;
  params.abort_callback = [](void* self) {
    const Until* until = static_cast<Session*>(self)->until_;
    return until && (until->stop.stop_requested() || std::chrono::steady_clock::now() >= until->deadline);
  };
  params.abort_callback_data = session.get();
  take_error();
  session->context_ = llama_init_from_model(model, params);
  if (!session->context_)
    return Error{
        Code::exhausted,
        fmt::format("no memory for a context of {} tokens; use a smaller 'context' in models.toml ({})",
                    options.context, take_error()),
        "no_memory"};
  session->batch_ = llama_batch_init(static_cast<std::int32_t>(options.batch), 0, 1);
  session->vocabulary_ = static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model)));
  return session;
}

Result<> Session::decode(std::span<const Step> steps, const Until& until,
                         const std::function<void(std::size_t, std::span<const float>)>& on_logits) {
  for (std::size_t at = 0; at < steps.size();) {
    std::size_t count = 0, wanted = 0;
    while (at + count < steps.size() && count < options_.batch && wanted < kWantedPerSlice)
      wanted += steps[at + count++].wanted;
    const auto slice = steps.subspan(at, count);
    if (auto done = decode_slice(slice, until); !done) {
      clear();
      return done;
    }
    for (std::size_t i = 0; on_logits && i < count; ++i) {
      if (slice[i].wanted)
        on_logits(at + i, {llama_get_logits_ith(context_, static_cast<std::int32_t>(i)), vocabulary_});
    }
    at += count;
  }
  return success();
}

Result<> Session::decode_slice(std::span<const Step> slice, const Until& until) {
  BOOST_OUTCOME_TRY(check(until, "inference"));
  batch_.n_tokens = static_cast<std::int32_t>(slice.size());
  for (std::size_t i = 0; i < slice.size(); ++i) {
    batch_.token[i] = slice[i].token;
    batch_.pos[i] = slice[i].position;
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = slice[i].sequence;
    batch_.logits[i] = options_.embeddings || slice[i].wanted;
  }
  until_ = &until;
  const std::int32_t code = llama_decode(context_, batch_);
  until_ = nullptr;
  // A backend that cannot be interrupted finishes late: its answer is not given after the time is up.
  BOOST_OUTCOME_TRY(check(until, "inference"));
  if (code == 0) return success();
  return Error{Code::internal, fmt::format("the model runtime failed with code {}: {}", code, take_error()),
               "inference_failed"};
}

std::span<const float> Session::embedding(llama_seq_id sequence, std::size_t dimension) const {
  const float* found = llama_get_embeddings_seq(context_, sequence);
  return found ? std::span(found, dimension) : std::span<const float>();
}

void Session::clear() {
  if (auto* memory = llama_get_memory(context_)) llama_memory_clear(memory, false);
}
void Session::drop(llama_seq_id sequence) {
  llama_memory_seq_rm(llama_get_memory(context_), sequence, -1, -1);
}
void Session::copy(llama_seq_id from, llama_seq_id to) {
  llama_memory_seq_cp(llama_get_memory(context_), from, to, -1, -1);
}

}  // namespace medsynth::inference::llama
