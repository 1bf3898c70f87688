#!lua flags=allow-oom
-- Drops messages that nobody shall run. KEYS queue, payloads, deaths, due index, scheduler's acks (both of the delay queue);
-- ARGV whether they must still lie in the list (empty: a worker holds them until they are due), id ... Returns how many were
-- dropped; those fetched meanwhile were not.
need('list', KEYS[1])
need('hash', KEYS[2], KEYS[3])
need('zset', KEYS[4])
need('set', KEYS[5])
may('HDEL', KEYS[2], 'id')
local dropped = 0
for i = 2, #ARGV do
  if ARGV[1] == '' or redis.call('LREM', KEYS[1], 1, ARGV[i]) == 1 then
    local there = redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('HDEL', KEYS[3], ARGV[i])
    redis.call('ZREM', KEYS[4], ARGV[i])
    redis.call('SREM', KEYS[5], ARGV[i])
    dropped = dropped + (ARGV[1] == '' and there or 1)
  end
end
return dropped
