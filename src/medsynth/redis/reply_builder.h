// RESP3 nodes, in the order in which they are parsed, become Replies. Internal to client.cc. Not thread safe.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/redis/adapter/any_adapter.hpp>
#include <boost/redis/error.hpp>
#include <boost/redis/resp3/node.hpp>

#include "medsynth/redis/query.h"

namespace medsynth::redis {

class ReplyBuilder {
 public:
  // Boost.Redis calls these: at the start of a message, for each node, at its end. The first comes again when
  // the message's first line was cut by the end of a read, or when a connection broke off in the message.
  void on_init() {
    if (open_)
      replies_.back() = {};
    else
      replies_.emplace_back();
    open_ = true;
    path_.clear();
  }
  void on_node(const boost::redis::resp3::node_view& node, boost::system::error_code& error) {
    if (node.depth > path_.size()) {  // within something that is no list: a part of a streamed string, say
      error = boost::redis::error::invalid_data_type;
      return;
    }
    path_.resize(node.depth);
    Reply& reply = path_.empty() ? replies_.back() : path_.back()->list.emplace_back();
    fill(reply, node, error);
    if (reply.kind == Reply::Kind::list) path_.push_back(&reply);
  }
  void on_done() { open_ = false; }

  // The complete ones; one that is still coming in stays.
  Replies take() {
    Replies complete = std::exchange(replies_, {});
    if (!open_) return complete;
    replies_.push_back(std::move(complete.back()));
    complete.pop_back();
    if (!path_.empty()) path_[0] = &replies_.back();
    return complete;
  }
  void expect(std::size_t count) { replies_.reserve(count); }

 private:
  static void fill(Reply& reply, const boost::redis::resp3::node_view& node,
                   boost::system::error_code& error) {
    using boost::redis::resp3::type;
    switch (node.data_type) {
      case type::null:
        break;
      case type::number:
        reply.kind = Reply::Kind::integer;
        if (std::from_chars(node.value.data(), node.value.data() + node.value.size(), reply.integer).ec !=
            std::errc())
          error = boost::redis::error::not_a_number;
        break;
      case type::boolean:
        reply.kind = Reply::Kind::integer;
        reply.integer = node.value == "t" ? 1 : 0;
        break;
      case type::simple_error:
      case type::blob_error:
        reply.kind = Reply::Kind::error;
        reply.text = node.value;
        break;
      case type::verbatim_string:  // "txt:" and the text
        reply.kind = Reply::Kind::text;
        reply.text = node.value.substr(std::min<std::size_t>(4, node.value.size()));
        break;
      default:
        if (is_aggregate(node.data_type)) {
          reply.kind = Reply::Kind::list;
          // A bound, so that a broken server cannot make us reserve everything.
          reply.list.reserve(
              std::min<std::size_t>(node.aggregate_size * element_multiplicity(node.data_type), 65536));
        } else {
          reply.kind = Reply::Kind::text;
          reply.text = node.value;
        }
    }
  }

  Replies replies_;
  bool open_ = false;  // the last reply is not complete
  std::vector<Reply*>
      path_;  // the open list of each depth; a deeper one never outlives its parent's next element
};

inline boost::redis::any_adapter adapter_for(ReplyBuilder& builder) {
  using boost::redis::any_adapter;
  return any_adapter(
      any_adapter::impl_t([&builder](any_adapter::parse_event event, const auto& node, auto& error) {
        switch (event) {
          case any_adapter::parse_event::init:
            return builder.on_init();
          case any_adapter::parse_event::node:
            return builder.on_node(node, error);
          case any_adapter::parse_event::done:
            return builder.on_done();
        }
      }));
}

// Found by Boost.Redis for set_receive_response().
struct ReplyBuilderAdapter {
  ReplyBuilder* builder;
  void on_init() { builder->on_init(); }
  void on_node(const boost::redis::resp3::node_view& node, boost::system::error_code& error) {
    builder->on_node(node, error);
  }
  void on_done() { builder->on_done(); }
};
inline ReplyBuilderAdapter boost_redis_adapt(ReplyBuilder& builder) {
  return {&builder};
}

}  // namespace medsynth::redis
