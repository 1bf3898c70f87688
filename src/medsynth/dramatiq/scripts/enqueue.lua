-- Puts messages on a queue, in this order. Doing it again with the same ids changes nothing.
-- KEYS queue, payloads; ARGV channel, queue name, id, payload, id, payload ...
need('list', KEYS[1])
if redis.call('HEXISTS', KEYS[2], ARGV[3]) == 1 then return 0 end
may('HSET', KEYS[2], 'id', 'payload')
local ids = {}
for i = 3, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
redis.call('RPUSH', KEYS[1], unpack(ids))
redis.call('HSET', KEYS[2], unpack(ARGV, 3))   -- after it: a payload says that it is done
ring(ARGV[1], ARGV[2])
return #ids
