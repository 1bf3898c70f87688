#!lua flags=allow-oom
-- A worker leaves, unless it still holds messages: then it stays, to be recovered.
-- KEYS heartbeats, workers, ack sets ...; ARGV worker
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
