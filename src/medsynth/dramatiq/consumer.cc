#include "medsynth/dramatiq/consumer.h"

#include "medsynth/dramatiq/fetcher.h"
#include "medsynth/dramatiq/workers.h"

namespace medsynth::dramatiq {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kLastReturns = 1s;  // of a consumer that is destroyed without stop()

}  // namespace

struct Consumer::Impl {
  redis::Client& client;
  const Broker& broker;
  const ConsumerOptions options;
  std::optional<Fetcher> fetcher = {};
};

Consumer::Consumer(redis::Client& client, const Broker& broker, ConsumerOptions options)
    : impl_(std::make_unique<Impl>(client, broker, std::move(options))) {
  impl_->fetcher.emplace(client, broker, impl_->options);
}

Consumer::~Consumer() {
  stop(kLastReturns);
  impl_->fetcher.reset();  // no heartbeat after we are gone
  // Else recovery does it.
  (void)impl_->client.run(Workers(impl_->broker).leave(impl_->options.queues));
}

Delivery::~Delivery() {
  Delivery* const self = this;
  if (consumer_) consumer_->give_back(std::span(&self, 1));
}

std::optional<Delivery> Consumer::take(milliseconds timeout, std::stop_token stop) {
  std::vector<Received> taken = impl_->fetcher->buffer().take(1, timeout, std::move(stop));
  if (taken.empty()) return std::nullopt;
  std::optional<Delivery> delivery(std::in_place, std::move(taken.front()), this);
  started(*delivery);
  return delivery;
}

std::vector<Delivery> Consumer::take_some(milliseconds timeout, std::stop_token stop) {
  std::vector<Delivery> deliveries;
  for (Received& received : impl_->fetcher->buffer().take(SIZE_MAX, timeout, std::move(stop)))
    deliveries.emplace_back(std::move(received), this);
  return deliveries;
}

void Consumer::started(const Delivery& delivery) {
  impl_->fetcher->buffer().started(delivery.redis_message_id);
  impl_->fetcher->return_messages();
}

void Consumer::settled(Delivery delivery, bool ours) {
  Delivery* const one = &delivery;
  settled(std::span(&one, 1), ours ? 0 : 1);
}

std::vector<std::string> Consumer::released(std::span<Delivery* const> deliveries) {
  std::vector<std::string> ids;
  ids.reserve(deliveries.size());
  for (Delivery* delivery : deliveries) {
    delivery->consumer_ = nullptr;
    ids.push_back(delivery->redis_message_id);
  }
  return ids;
}

void Consumer::settled(std::span<Delivery* const> deliveries, std::int64_t lost) {
  impl_->fetcher->count_lost(lost);
  impl_->fetcher->buffer().settled(released(deliveries));
  impl_->fetcher->return_messages();
}

void Consumer::give_back(std::span<Delivery* const> deliveries) {
  impl_->fetcher->buffer().give_back(released(deliveries));
  impl_->fetcher->return_messages();
}

void Consumer::forget(Delivery& delivery) {
  Delivery* const one = &delivery;
  settled(std::span(&one, 1), 1);
  impl_->fetcher->doubt_leases();  // it may have come again meanwhile
}

void Consumer::lost_contact() {
  impl_->fetcher->lost_contact();
}

void Consumer::stop(milliseconds timeout) {
  impl_->fetcher->stop(steady_now() + timeout);
}

std::int64_t Consumer::lost_leases() const {
  return impl_->fetcher->lost_leases();
}

}  // namespace medsynth::dramatiq
