#include "medsynth/redis/error_reply.h"

#include <gtest/gtest.h>

namespace medsynth::redis {
namespace {

using enum ErrorClass;

struct Case {
  const char* reply;
  ErrorClass meaning;
};

// What Redis 7.0, 7.2 and 8 and Valkey 8 answer, and what it means for who asked.
constexpr Case kCases[] = {
    {"LOADING Redis is loading the dataset in memory", transient},
    {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", transient},
    {"UNKILLABLE Sorry the script already executed write commands", transient},
    {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist", transient},
    {"OOM command not allowed when used memory > 'maxmemory'.", transient},
    {"OOM command not allowed when used memory > 'maxmemory'. script: 489eef, on @user_script:1.", transient},
    {"NOREPLICAS Not enough good replicas to write.", transient},
    {"TRYAGAIN Multiple keys request during rehashing of slot", transient},
    {"ASK 3999 127.0.0.1:6381", transient},

    {"READONLY You can't write against a read only replica.", connection},
    {"READONLY You can't write against a read only replica. script: ff96, on @user_script:1.", connection},
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", connection},
    {"NOAUTH Authentication required.", connection},
    {"NOAUTH HELLO must be called with the client already authenticated", connection},
    {"WRONGPASS invalid username-password pair or user is disabled.", connection},
    {"CLUSTERDOWN Hash slot not served", connection},
    {"CLUSTERDOWN The cluster is down", connection},
    {"MOVED 3999 127.0.0.1:6381", connection},
    {"ERR max number of clients reached", connection},
    {"DENIED Redis is running in protected mode because ...", connection},
    {"NOPROTO unsupported protocol version", connection},
    {"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
     connection},

    {"NOPERM this user has no permissions to run the 'hset' command", refused},
    {"NOPERM User app has no permissions to access one of the channels used as arguments", refused},
    {"NOPERM ACL failure in script: User app has no permissions to run the 'set' command", refused},
    {"ERR The user executing the script can't run this command or subcommand script: b4e5, on "
     "@user_script:1.",
     refused},
    {"ERR The user executing the script can't publish to the channel mentioned in the command", refused},
    {"ERR The user executing the script can't access at least one of the keys mentioned", refused},
    {"ERR ACL failure in script: User app has no permissions to run the 'set' command", refused},
    {"ERR unknown command 'EVALSHA', with args beginning with: 'x' ", refused},
    {"ERR unknown command `EVALSHA`, with args beginning with: ", refused},
    {"ERR Unknown Redis command called from script script: 2063, on @user_script:1.", refused},
    {"ERR DB index is out of range", refused},
    {"ERR SELECT is not allowed in cluster mode", refused},
    {"CROSSSLOT Keys in request don't hash to the same slot", refused},
    {"KEYTYPE the key a holds a list where a hash belongs: delete or rename it", refused},

    {"WRONGTYPE Operation against a key holding the wrong kind of value", broken},
    {"WRONGTYPE Operation against a key holding the wrong kind of value script: df94, on @user_script:1.",
     broken},
    {"ERR user_script:1: attempt to perform arithmetic on a nil value script: 06da", broken},
    {"ERR syntax error", broken},
    {"ERR value is not an integer or out of range", broken},
    {"NOSCRIPT No matching script. Please use EVAL.", broken},
    {"EXECABORT Transaction discarded because of previous errors.", broken},
    {"BUSYKEY Target key name already exists.", broken},
    {"BUSYGROUP Consumer Group name already exists", broken},
    {"ASKING", broken},
    {"", broken},
    {" ", broken},
    {"ERR", broken},
    {"readonly", broken},
};

TEST(ErrorReply, SaysWhatWasRefusedAndNotWhichLineOfAScriptItWas) {
  const auto said = [](std::string_view reply) { return error_of(reply).message; };
  const std::string of_8 = said(
      "ERR ACL failure in script: User app has no permissions to run the 'set' command script: "
      "489eef06da489eef06da489eef06da489eef06da, on @user_script:1.");
  EXPECT_NE(of_8.find("ACL failure in script: User app has no permissions to run the 'set' command ("),
            std::string::npos)
      << of_8;
  const std::string bare =
      said("ERR ACL failure in script: User app has no permissions to run the 'set' command");
  EXPECT_NE(bare.find("run the 'set' command"), std::string::npos) << bare;
  EXPECT_EQ(
      said("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
           "<user> <pass> option can be used")
          .find("otherwise"),
      std::string::npos);
}

TEST(ErrorReply, MeansOneOfFourThings) {
  for (const Case& each : kCases) EXPECT_EQ(classify(each.reply), each.meaning) << each.reply;
}

// As an Error it means the same, so that who has only that can decide as well.
TEST(ErrorReply, MeansTheSameAsAnError) {
  for (const Case& each : kCases) {
    const Error error = error_of(each.reply);
    EXPECT_EQ(classify(error), each.meaning) << each.reply;
    EXPECT_EQ(error.code, each.meaning == broken ? Code::internal : Code::unavailable) << each.reply;
    EXPECT_EQ(error.retry_after.has_value(), each.meaning != broken) << each.reply;
  }
}

TEST(ErrorReply, ErrorsThatAreNoReplyAreClassifiedToo) {
  EXPECT_EQ(classify(Error{Code::unavailable, "", "redis_unavailable"}), connection);
  EXPECT_EQ(classify(Error{Code::timeout, "", "redis_timeout"}), transient);
  EXPECT_EQ(classify(Error{Code::cancelled, "", "redis_closed"}), broken);
  EXPECT_EQ(classify(Error{Code::internal, "", "redis_reply"}), broken);
  EXPECT_EQ(classify(Error{Code::conflict, "", "not_a_task_record"}), broken);
  EXPECT_EQ(classify(Error{Code::unavailable, "", "model_failed"}), broken);
  EXPECT_TRUE(worth_retrying(transient) && worth_retrying(connection) && worth_retrying(refused));
  EXPECT_FALSE(worth_retrying(broken));
}

TEST(ErrorReply, ReasonsAreStable) {
  EXPECT_EQ(error_of("READONLY You can't").reason, "redis_readonly");
  EXPECT_EQ(error_of("NOPERM this user").reason, "redis_refused");
  EXPECT_EQ(error_of("WRONGTYPE Operation").reason, "redis_error");
}

// The message says what to do, and shows nothing that a terminal obeys and no argument of a command, which
// may be a password: HELLO 3 AUTH user password.
TEST(ErrorReply, MessageIsForPeople) {
  const std::string denied =
      error_of("NOPERM this user has no permissions to run the 'hset' command").message;
  EXPECT_NE(denied.find("'hset'"), denied.npos);
  EXPECT_NE(denied.find("docs/redis.md"), denied.npos);
  const std::string old =
      error_of("ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `eve`, `secret`, ")
          .message;
  EXPECT_EQ(old.find("secret"), old.npos);
  EXPECT_NE(old.find("HELLO"), old.npos);
  EXPECT_EQ(error_of("ERR \x1b[2J\n").message.find('\x1b'), std::string::npos);
}

TEST(Replica, IsToldByInfo) {
  const char* const master = "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n";
  const char* const replica =
      "# Replication\r\nrole:slave\r\nmaster_host:10.0.0.7\r\nmaster_port:6379\r\nmaster_link_status:up\r\n";
  EXPECT_FALSE(is_replica(master));
  EXPECT_EQ(master_of(master), "");
  EXPECT_TRUE(is_replica(replica));
  EXPECT_EQ(master_of(replica), "10.0.0.7:6379");
  EXPECT_FALSE(is_replica(""));
  EXPECT_FALSE(is_replica("xrole:slave\nrole"));
}

}  // namespace
}  // namespace medsynth::redis
