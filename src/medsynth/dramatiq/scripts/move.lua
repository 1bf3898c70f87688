#!lua flags=allow-oom
-- Moves a message that is still ours to another queue under a new id: a retry to the delay queue, a due one back from it.
-- One that was purged meanwhile stays away.
-- KEYS payloads, acks, starts, to queue, to payloads; ARGV id, new id, payload, channel, to queue's name
if redis.call('SREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[3], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 1 end
redis.call('HSET', KEYS[5], ARGV[2], ARGV[3])
redis.call('RPUSH', KEYS[4], ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1
