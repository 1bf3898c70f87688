#!lua flags=allow-oom
-- Who has been silent for a while. Returns now, then worker, last beat (ms), 1 when it is one of ours ...
-- One of ours without a heartbeat was dead for so long that Python dropped it: its last beat is 0.
-- KEYS heartbeats, workers; ARGV silence (ms)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local beats = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - ARGV[1]), 'WITHSCORES')
local found = {string.format('%.0f', now)}
for i = 1, #beats, 2 do
  found[#found + 1] = beats[i]
  found[#found + 1] = beats[i + 1]
  found[#found + 1] = tostring(redis.call('HEXISTS', KEYS[2], beats[i]))
end
for _, worker in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not redis.call('ZSCORE', KEYS[1], worker) then
    found[#found + 1] = worker
    found[#found + 1] = '0'
    found[#found + 1] = '1'
  end
end
return found
