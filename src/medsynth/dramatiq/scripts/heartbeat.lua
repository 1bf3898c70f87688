#!lua flags=allow-oom
-- A sign of life of a worker, and of the schedulers of its queues that hold delayed messages (due index).
-- KEYS heartbeats, then the ack sets of the schedulers; ARGV worker, then the schedulers. Returns Redis' time in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = string.format('%.0f', now)
redis.call('ZADD', KEYS[1], score, ARGV[1])
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('ZADD', KEYS[1], score, ARGV[i])
  else
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return now
