-- Puts one message on a queue. Doing it again with the same id changes nothing.
-- KEYS queue, payloads; ARGV id, payload, channel, queue name
if redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1
