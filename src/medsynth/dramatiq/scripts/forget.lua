#!lua flags=allow-oom
-- Forgets dead workers of which no ack set was found, unless they came back meanwhile.
-- KEYS heartbeats, workers; ARGV worker, the beat (ms) after which it lives ...
local gone = 0
for i = 1, #ARGV, 2 do
  local beat = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if not beat or tonumber(beat) <= tonumber(ARGV[i + 1]) then
    gone = gone + redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('HDEL', KEYS[2], ARGV[i])
  end
end
return gone
