#!lua flags=allow-oom
-- A worker leaves, unless it still holds messages: then it stays, to be recovered.
-- KEYS heartbeats, workers, ack sets ..., running ...; ARGV worker, number of ack sets
local acks_end = 2 + ARGV[2]
for i = 3, acks_end do
  if redis.call('EXISTS', KEYS[i]) == 1 then return 0 end
end
redis.call('DEL', unpack(KEYS, acks_end + 1))
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
