#!lua flags=allow-oom
-- Takes due messages from the scheduler of a delay queue into the caller's ack set. One that Python recovered, or that was
-- deleted, is only dropped from the index.
-- KEYS due, scheduler's acks, our acks, payloads, heartbeats; ARGV worker, now (ms), count
-- Returns the eta of the first that is left (ms, empty: none), ids, payloads.
need('set', KEYS[3])
local fresh, theirs = {}, {}
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])
if #ids > 0 then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[5], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), ARGV[1])
  local held = redis.call('SMISMEMBER', KEYS[2], unpack(ids))
  local payloads = redis.call('HMGET', KEYS[4], unpack(ids))
  for i, id in ipairs(ids) do
    if held[i] == 1 and payloads[i] then
      fresh[#fresh + 1] = id
      theirs[#theirs + 1] = payloads[i]
    end
  end
  if #fresh > 0 then redis.call('SADD', KEYS[3], unpack(fresh)) end
  redis.call('SREM', KEYS[2], unpack(ids))
  redis.call('ZREM', KEYS[1], unpack(ids))
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {first[2] or '', fresh, theirs}
