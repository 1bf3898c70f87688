#include "medsynth/inference/onnx/engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <thread>

#include <fmt/format.h>

#include "medsynth/inference/onnx/files.h"
#include "medsynth/inference/onnx/runtime.h"
#include "medsynth/inference/onnx/tokenizer.h"
#include "medsynth/inference/turn.h"
#include "medsynth/models/digest.h"

namespace medsynth::inference::onnx {
namespace {

// Ends a computation of the runtime when it is time to give up: a thread of the call, which sleeps until then.
class Watch {
 public:
  Watch(const OrtApi& api, OrtRunOptions* run, const Until& until)
      : thread_([&api, run, until](const std::stop_token& done) {
          std::mutex mutex;
          std::condition_variable_any wake;
          std::unique_lock lock(mutex);
          const std::stop_callback asked(until.stop, [&wake] { wake.notify_all(); });
          const auto stopped = [&] { return until.stop.stop_requested(); };
          // A deadline of SteadyTime::max() overflows in some waits: a day at a time.
          while (!done.stop_requested() && !stopped()) {
            const auto now = std::chrono::steady_clock::now();
            if (now >= until.deadline) break;
            wake.wait_until(lock, done, std::min(until.deadline, now + kLook), stopped);
          }
          if (!done.stop_requested()) api.ReleaseStatus(api.RunOptionsSetTerminate(run));
        }) {}

 private:
  static constexpr std::chrono::milliseconds kLook{20};  // a stop between check and wait is seen then
  std::jthread thread_;
};

// 16-bit floats as the runtime hands them out.
float from_half(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1F, fraction = half & 0x3FF;
  const float sign = (half & 0x8000) != 0 ? -1.F : 1.F;
  if (exponent == 0x1F)
    return fraction != 0 ? std::numeric_limits<float>::quiet_NaN()
                         : sign * std::numeric_limits<float>::infinity();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
}

// Natural logarithms of the probabilities of a row of logits.
std::vector<double> log_softmax(std::span<const float> logits) {
  const double greatest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float each : logits) sum += std::exp(each - greatest);
  std::vector<double> out;
  for (const float each : logits) out.push_back(each - greatest - std::log(sum));
  return out;
}

class OnnxModel final : public Model {
 public:
  OnnxModel(const Runtime& runtime, Owned<OrtSession> session, ModelInfo info, Labels labels,
            Tokenizer tokenizer)
      : api_(*runtime.api),
        session_(std::move(session)),
        info_(std::move(info)),
        labels_(labels),
        tokenizer_(std::move(tokenizer)) {}

  // The names of what goes in and comes out. invalid_argument: it is no sequence-classification model.
  Result<> read_graph();

  const ModelInfo& info() const override { return info_; }
  Result<std::vector<LabelScores>> score(std::span<const Prompt>, std::span<const std::string>,
                                         const Until&) override {
    return Error{Code::invalid_argument,
                 fmt::format("{} is an entailment model: it cannot continue texts", info_.id),
                 "not_a_language_model"};
  }
  Result<std::vector<std::vector<float>>> embed(std::span<const std::string>, const Until&,
                                                std::vector<bool>*) override {
    return Error{Code::invalid_argument,
                 fmt::format("{} is an entailment model: it embeds nothing", info_.id),
                 "not_a_sentence_model"};
  }
  Result<std::vector<Entailment>> entail(std::span<const TextPair> pairs, const Until& until) override;

 private:
  Result<std::vector<float>> run(std::span<const TokenPair* const> pairs, const Until& until);
  Result<Owned<OrtValue>> tensor(Ids& values, std::size_t rows) const;
  Error no_classifier(std::string_view why) const {
    return {Code::invalid_argument,
            fmt::format("{} is no model that this program can ask whether one text follows from another: {}",
                        info_.id, why),
            "not_a_model"};
  }

  const OrtApi& api_;
  Owned<OrtSession> session_;
  const ModelInfo info_;
  const Labels labels_;
  const Tokenizer tokenizer_;
  std::vector<std::string> inputs_;
  std::string output_;
  Turn turn_;
};

Result<> OnnxModel::read_graph() {
  OrtAllocator* allocator = nullptr;
  BOOST_OUTCOME_TRY(check(api_, api_.GetAllocatorWithDefaultOptions(&allocator)));
  const auto taken = [&](char* name) {
    std::string out(name);
    api_.ReleaseStatus(api_.AllocatorFree(allocator, name));
    return out;
  };
  std::size_t count = 0;
  BOOST_OUTCOME_TRY(check(api_, api_.SessionGetInputCount(session_.get(), &count)));
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    BOOST_OUTCOME_TRY(check(api_, api_.SessionGetInputName(session_.get(), i, allocator, &name)));
    inputs_.push_back(taken(name));
    constexpr std::array<std::string_view, 3> kKnown{"input_ids", "attention_mask", "token_type_ids"};
    if (std::ranges::find(kKnown, inputs_.back()) == kKnown.end())
      return no_classifier(fmt::format("it wants the input {}", inputs_.back()));
    OrtTypeInfo* type = nullptr;
    BOOST_OUTCOME_TRY(check(api_, api_.SessionGetInputTypeInfo(session_.get(), i, &type)));
    const Owned<OrtTypeInfo> owner(type, {api_.ReleaseTypeInfo});
    const OrtTensorTypeAndShapeInfo* shape = nullptr;
    ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    BOOST_OUTCOME_TRY(check(api_, api_.CastTypeInfoToTensorInfo(type, &shape)));
    if (shape) {
      BOOST_OUTCOME_TRY(check(api_, api_.GetTensorElementType(shape, &element)));
    }
    if (element != ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64)
      return no_classifier(fmt::format("its input {} is not of 64-bit integers", inputs_.back()));
  }
  if (std::ranges::find(inputs_, "input_ids") == inputs_.end())
    return no_classifier("it has no input input_ids");
  char* name = nullptr;
  BOOST_OUTCOME_TRY(check(api_, api_.SessionGetOutputName(session_.get(), 0, allocator, &name)));
  output_ = taken(name);
  return success();
}

Result<std::vector<Entailment>> OnnxModel::entail(std::span<const TextPair> pairs, const Until& until) try {
  if (pairs.empty()) return invalid("/pairs", "must not be empty");
  std::vector<TokenPair> tokens;
  std::map<std::size_t, std::vector<std::size_t>> by_length;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].premise.empty() || pairs[i].hypothesis.empty())
      return invalid(fmt::format("/pairs/{}", i), "must be two texts that are not empty");
    BOOST_OUTCOME_TRY(inference::check(until, "inference"));
    tokens.push_back(
        tokenizer_.pair(pairs[i].premise, pairs[i].hypothesis, static_cast<std::size_t>(info_.context)));
    by_length[tokens.back().ids.size()].push_back(i);
  }
  std::vector<Entailment> out(pairs.size());
  BOOST_OUTCOME_TRY(const auto turn, turn_.take(until));
  for (const auto& [length, members] : by_length) {
    const std::size_t together = std::max<std::size_t>(1, kTokensTogether / std::max<std::size_t>(1, length));
    for (std::size_t at = 0; at < members.size(); at += together) {
      const auto slice = std::span(members).subspan(at, std::min(together, members.size() - at));
      std::vector<const TokenPair*> asked;
      for (const std::size_t i : slice) asked.push_back(&tokens[i]);
      BOOST_OUTCOME_TRY(const auto logits, run(asked, until));
      for (std::size_t row = 0; row < slice.size(); ++row) {
        const auto logs = log_softmax(std::span(logits).subspan(row * labels_.count, labels_.count));
        out[slice[row]] = {
            .entailment = logs[labels_.entailment],
            .neutral = labels_.neutral ? logs[*labels_.neutral] : -std::numeric_limits<double>::infinity(),
            .contradiction = logs[labels_.contradiction],
            .truncated = asked[row]->truncated,
            .tokens = static_cast<std::int64_t>(length)};
      }
    }
  }
  return out;
} catch (const std::exception& error) {
  return Error{Code::internal, fmt::format("the model runtime failed: {}", error.what()), "inference_failed"};
}

Result<Owned<OrtValue>> OnnxModel::tensor(Ids& values, std::size_t rows) const {
  OrtMemoryInfo* memory = nullptr;
  BOOST_OUTCOME_TRY(check(api_, api_.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory)));
  const Owned<OrtMemoryInfo> owner(memory, {api_.ReleaseMemoryInfo});
  const std::array<std::int64_t, 2> shape{static_cast<std::int64_t>(rows),
                                          static_cast<std::int64_t>(values.size() / rows)};
  OrtValue* value = nullptr;
  BOOST_OUTCOME_TRY(check(api_, api_.CreateTensorWithDataAsOrtValue(
                                    memory, values.data(), values.size() * sizeof(std::int64_t), shape.data(),
                                    shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &value)));
  return Owned<OrtValue>(value, {api_.ReleaseValue});
}

// Logits, a row for each pair; all pairs have the same number of tokens.
Result<std::vector<float>> OnnxModel::run(std::span<const TokenPair* const> pairs, const Until& until) {
  BOOST_OUTCOME_TRY(inference::check(until, "inference"));
  std::map<std::string_view, Ids> values;
  for (const TokenPair* pair : pairs) {
    values["input_ids"].insert(values["input_ids"].end(), pair->ids.begin(), pair->ids.end());
    values["token_type_ids"].insert(values["token_type_ids"].end(), pair->types.begin(), pair->types.end());
    values["attention_mask"].resize(values["input_ids"].size(), 1);
  }
  std::vector<Owned<OrtValue>> tensors;
  std::vector<const char*> names;
  std::vector<const OrtValue*> given;
  for (const std::string& name : inputs_) {
    BOOST_OUTCOME_TRY(auto made, tensor(values.at(name), pairs.size()));
    names.push_back(name.c_str());
    given.push_back(made.get());
    tensors.push_back(std::move(made));
  }
  OrtRunOptions* run_options = nullptr;
  BOOST_OUTCOME_TRY(check(api_, api_.CreateRunOptions(&run_options)));
  const Owned<OrtRunOptions> owner(run_options, {api_.ReleaseRunOptions});
  const char* output = output_.c_str();
  OrtValue* result = nullptr;
  const auto ran = [&] {
    const Watch watch(api_, run_options, until);
    return check(api_, api_.Run(session_.get(), run_options, names.data(), given.data(), given.size(),
                                &output, 1, &result));
  }();
  const Owned<OrtValue> value(result, {api_.ReleaseValue});
  // It is ended by an error of its own: what counts is why.
  BOOST_OUTCOME_TRY(inference::check(until, "inference"));
  BOOST_OUTCOME_TRY(ran);

  OrtTensorTypeAndShapeInfo* shape = nullptr;
  BOOST_OUTCOME_TRY(check(api_, api_.GetTensorTypeAndShape(value.get(), &shape)));
  const Owned<OrtTensorTypeAndShapeInfo> shape_owner(shape, {api_.ReleaseTensorTypeAndShapeInfo});
  std::size_t count = 0;
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  BOOST_OUTCOME_TRY(check(api_, api_.GetTensorShapeElementCount(shape, &count)));
  BOOST_OUTCOME_TRY(check(api_, api_.GetTensorElementType(shape, &type)));
  if (count != pairs.size() * labels_.count)
    return Error{
        Code::invalid_argument,
        fmt::format("{} gives {} numbers for a pair and has {} labels: say which output is which with "
                    "`labels` in models.toml",
                    info_.id, count / pairs.size(), labels_.count),
        "unknown_labels"};
  void* data = nullptr;
  BOOST_OUTCOME_TRY(check(api_, api_.GetTensorMutableData(value.get(), &data)));
  std::vector<float> logits(count);
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
    std::memcpy(logits.data(), data, count * sizeof(float));
  } else if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16) {
    const auto* halves = static_cast<const std::uint16_t*>(data);
    std::transform(halves, halves + count, logits.begin(), from_half);
  } else {
    return no_classifier("its output is not of 16-bit or 32-bit floats");
  }
  if (!std::ranges::all_of(logits, [](float each) { return std::isfinite(each); }))
    return Error{
        Code::invalid_argument,
        fmt::format("{} gives numbers that are NaN or infinite, as a damaged model does: compare its "
                    "file with its source",
                    info_.id),
        "not_a_number"};
  return logits;
}

Result<Owned<OrtSession>> open_session(const Runtime& runtime, const LoadOptions& options) {
  const OrtApi& api = *runtime.api;
  OrtSessionOptions* session_options = nullptr;
  BOOST_OUTCOME_TRY(check(api, api.CreateSessionOptions(&session_options)));
  const Owned<OrtSessionOptions> owner(session_options, {api.ReleaseSessionOptions});
  BOOST_OUTCOME_TRY(check(api, api.SetIntraOpNumThreads(session_options, std::max(1, options.threads))));
  BOOST_OUTCOME_TRY(check(api, api.SetInterOpNumThreads(session_options, 1)));
  // An arena keeps the most that was ever needed, and pairs differ in length: the rest goes back to the system.
  BOOST_OUTCOME_TRY(check(api, api.DisableCpuMemArena(session_options)));
  BOOST_OUTCOME_TRY(check(api, api.DisableMemPattern(session_options)));
  OrtSession* session = nullptr;
  const auto opened =
      check(api, api.CreateSession(runtime.environment, options.path.c_str(), session_options, &session));
  if (opened) return Owned<OrtSession>(session, {api.ReleaseSession});
  const std::string& why = opened.error().message;
  if (why.find("alloc") != std::string::npos)
    return Error{Code::exhausted, fmt::format("no memory to load {}: {}", options.name, why), "no_memory"};
  return Error{Code::invalid_argument,
               fmt::format("{} cannot be loaded: {} is damaged, or was not copied to its end ({})",
                           options.name, options.path.filename().string(), why),
               "not_a_model"};
}

}  // namespace

Result<std::shared_ptr<Model>> load(const LoadOptions& options) try {
  BOOST_OUTCOME_TRY(const auto folder, read_model_folder(options.path, options.labels, options.context));
  BOOST_OUTCOME_TRY(auto tokenizer, Tokenizer::read(folder.folder, folder.family));
  BOOST_OUTCOME_TRY(auto digest, models::file_digest(options.path, options.stop));
  BOOST_OUTCOME_TRY(models::check_digest(options.name, digest, options.sha256));
  BOOST_OUTCOME_TRY(const Runtime* const runtime, onnx::runtime());
  BOOST_OUTCOME_TRY(auto session, open_session(*runtime, options));
  if (options.stop.stop_requested())
    return Error{Code::cancelled, fmt::format("loading {} was cancelled", options.name), ""};
  ModelInfo info{.id = options.name,
                 .digest = std::move(digest),
                 .description = fmt::format("{} entailment, ONNX Runtime {}",
                                            folder.family.empty() ? "an" : folder.family, runtime->version),
                 .context = folder.context,
                 .size_bytes = folder.bytes,
                 .kind = "entailment"};
  auto model = std::make_shared<OnnxModel>(*runtime, std::move(session), std::move(info), folder.labels,
                                           std::move(tokenizer));
  BOOST_OUTCOME_TRY(model->read_graph());
  if (options.progress) options.progress(1);
  return std::shared_ptr<Model>(std::move(model));
} catch (const std::bad_alloc&) {
  return Error{Code::exhausted, fmt::format("no memory to load {}", options.name), "no_memory"};
} catch (const std::exception& error) {
  return Error{Code::internal, fmt::format("loading {} failed: {}", options.name, error.what()), ""};
}

Result<models::Footprint> footprint(const LoadOptions& options) {
  BOOST_OUTCOME_TRY(const auto folder, read_model_folder(options.path, options.labels, options.context));
  return models::Footprint{.host = folder.predicted};
}

}  // namespace medsynth::inference::onnx
