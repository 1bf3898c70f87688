#!lua flags=allow-oom
-- Housekeeping of one queue, a bounded amount at a time: drops old dead letters, and deaths of messages that somebody
-- else (a Python worker, the dashboard) settled.
-- KEYS dead, dead payloads, reasons, deaths, payloads; ARGV age (ms). Returns how many dead letters went.
for _, id in ipairs(redis.call('HRANDFIELD', KEYS[4], 20)) do
  if redis.call('HEXISTS', KEYS[5], id) == 0 then redis.call('HDEL', KEYS[4], id) end
end
local time = redis.call('TIME')
local limit = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1])
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', limit, 'LIMIT', 0, 1000)
if #ids == 0 then return 0 end
redis.call('HDEL', KEYS[3], unpack(ids))
redis.call('HDEL', KEYS[2], unpack(ids))
redis.call('ZREM', KEYS[1], unpack(ids))   -- last: it leads to the others
return #ids
