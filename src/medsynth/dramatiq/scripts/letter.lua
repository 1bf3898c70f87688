-- Puts a dead letter back, once. KEYS dead, dead payloads, reasons, set of messages that went back; ARGV id, payload, reason (empty:
-- none), when it died (ms). Returns 0 where it is there or went back before.
need('zset', KEYS[1])
need('hash', KEYS[2], KEYS[3])
need('set', KEYS[4])
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 or redis.call('SISMEMBER', KEYS[4], ARGV[1]) == 1 then return 0 end
may('ZADD', KEYS[1], ARGV[4], ARGV[1])
redis.call('SADD', KEYS[4], ARGV[1])
redis.call('PEXPIRE', KEYS[4], 2592000000)   -- 30 days, as in tasks/scripts/restore.lua
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[3], ARGV[1], ARGV[3]) end
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
return 1
