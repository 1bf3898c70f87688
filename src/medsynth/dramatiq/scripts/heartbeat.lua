#!lua flags=allow-oom
-- KEYS heartbeats; ARGV worker. Returns Redis' time in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
return now
