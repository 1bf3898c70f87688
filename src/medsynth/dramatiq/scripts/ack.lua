#!lua flags=allow-oom
-- Settles a message that is still ours.
-- KEYS payloads, acks, starts; ARGV id. Returns 0 when the lease was lost: somebody else has it, nothing is done.
if redis.call('SREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
