#!lua flags=allow-oom
-- Puts back what a dead worker held of a queue and its delay queue, to the head, and counts a death of each message that it was
-- running. Its heartbeat stays: ack sets of other queues may hang on it.
-- KEYS heartbeats, running, deaths, then queue, payloads, acks, and the same of the delay queue
-- ARGV worker, the beat (ms) after which it lives (empty: known to be dead), channel, queue name, 1 where it died (empty: it ends in
-- order, and has not died of what it runs)
need('set', KEYS[2], KEYS[6], KEYS[9])
need('hash', KEYS[3], KEYS[5], KEYS[8])
need('list', KEYS[4], KEYS[7])
may('DEL', KEYS[6])
may('LPUSH', KEYS[4], 'id')
if ARGV[2] ~= '' then
  local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
  if beat and tonumber(beat) > tonumber(ARGV[2]) then return 0 end
end
-- Where Python was faster, its ack set is gone: then all that are not settled count.
local put_back = redis.call('EXISTS', KEYS[6]) == 0
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if ARGV[5] == '1' and (put_back or redis.call('SISMEMBER', KEYS[6], id) == 1) and redis.call('HEXISTS', KEYS[5], id) == 1 then
    redis.pcall('HINCRBY', KEYS[3], id, 1)   -- what is no number stays as it is
  end
end
redis.call('DEL', KEYS[2])
local back = 0
for first = 4, 7, 3 do
  for _, id in ipairs(redis.call('SMEMBERS', KEYS[first + 2])) do
    if redis.call('HEXISTS', KEYS[first + 1], id) == 1 then
      redis.call('LPUSH', KEYS[first], id)
      back = back + 1
    end
  end
  redis.call('DEL', KEYS[first + 2])
end
if back > 0 then ring(ARGV[3], ARGV[4]) end
return back
