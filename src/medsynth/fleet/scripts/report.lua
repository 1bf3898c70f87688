-- A worker's snapshot, and its place in the index. KEYS: snapshot, index. ARGV: text, TTL (ms), worker id, for how long one
-- that became silent is remembered (ms). A snapshot that is refused leaves the index as it was: that says since when.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[2]), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - ARGV[4]))
