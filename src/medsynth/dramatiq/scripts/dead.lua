#!lua flags=allow-oom
-- Makes a message that is still ours a dead letter. One that was purged meanwhile stays away.
-- KEYS payloads, acks, starts, dead, dead payloads, reasons; ARGV id, payload (empty: as stored), reason (may be empty)
if redis.call('SREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[3], ARGV[1])
local payload = redis.call('HGET', KEYS[1], ARGV[1])
if not payload then return 1 end
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then payload = ARGV[2] end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[4], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), ARGV[1])
redis.call('HSET', KEYS[5], ARGV[1], payload)
if ARGV[3] ~= '' then redis.call('HSET', KEYS[6], ARGV[1], ARGV[3]) end
return 1
