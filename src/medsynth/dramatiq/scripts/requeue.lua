#!lua flags=allow-oom
-- Gives back messages that are still ours, unrun: to the head of their queue, the first one first. How many workers died running
-- one is still counted: it goes on killing them otherwise.
-- KEYS queue, payloads, acks, running, deaths; ARGV channel, queue name, id ... Returns how many went back.
need('list', KEYS[1])
need('hash', KEYS[2], KEYS[5])
need('set', KEYS[3], KEYS[4])
may('SREM', KEYS[3], 'id')
local back = 0
for i = #ARGV, 3, -1 do
  if redis.call('SISMEMBER', KEYS[3], ARGV[i]) == 1 then
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
      redis.call('LPUSH', KEYS[1], ARGV[i])
      back = back + 1
    else
      redis.call('HDEL', KEYS[5], ARGV[i])   -- it was purged
    end
    redis.call('SREM', KEYS[4], ARGV[i])
    redis.call('SREM', KEYS[3], ARGV[i])   -- the lease last
  end
end
if back > 0 then ring(ARGV[1], ARGV[2]) end
return back
