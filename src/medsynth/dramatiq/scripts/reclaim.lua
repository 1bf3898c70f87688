#!lua flags=allow-oom
-- Puts back what a dead worker held of a queue and its delay queue: to the head. Its heartbeat stays: ack sets of other
-- queues may hang on it.
-- KEYS heartbeats, then queue, payloads, acks, and the same of the delay queue
-- ARGV worker, the beat (ms) after which it lives (empty: known to be dead), channel, queue name
if ARGV[2] ~= '' then
  local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if beat and tonumber(beat) > tonumber(ARGV[2]) then return 0 end
end
local back = 0
for first = 2, 5, 3 do
  for _, id in ipairs(redis.call('SMEMBERS', KEYS[first + 2])) do
    if redis.call('HEXISTS', KEYS[first + 1], id) == 1 then
      redis.call('LPUSH', KEYS[first], id)
      back = back + 1
    end
  end
  redis.call('DEL', KEYS[first + 2])
end
if back > 0 then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return back
