#!lua flags=allow-oom
-- Hands delayed messages that are still ours to the scheduler of their queue: into its ack set and the due index.
-- KEYS our acks, scheduler's acks, due, heartbeats; ARGV scheduler, then eta (ms) and id of each. Returns how many were ours.
need('set', KEYS[2])
need('zset', KEYS[3])
local ids = {}
for i = 3, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local held = redis.call('SMISMEMBER', KEYS[1], unpack(ids))
local ours, scored = {}, {}
for i, id in ipairs(ids) do
  if held[i] == 1 then
    ours[#ours + 1] = id
    scored[#scored + 1] = ARGV[2 * i]
    scored[#scored + 1] = id
  end
end
if #ours == 0 then return 0 end
-- The heartbeat first: an ack set without one would be stranded.
local time = redis.call('TIME')
redis.call('ZADD', KEYS[4], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), ARGV[1])
redis.call('ZADD', KEYS[3], unpack(scored))
redis.call('SADD', KEYS[2], unpack(ours))
redis.call('SREM', KEYS[1], unpack(ours))
return #ours
