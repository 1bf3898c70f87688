#!lua flags=allow-oom
-- Gives back messages that are still ours, unrun: to the head of their queue, the first one first.
-- KEYS queue, payloads, acks, running, deaths; ARGV channel, queue name, id ... Returns how many went back.
local back = 0
for i = #ARGV, 3, -1 do
  if redis.call('SREM', KEYS[3], ARGV[i]) == 1 then
    redis.call('SREM', KEYS[4], ARGV[i])
    redis.call('HDEL', KEYS[5], ARGV[i])
    if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
      redis.call('LPUSH', KEYS[1], ARGV[i])
      back = back + 1
    end
  end
end
if back > 0 then redis.call('PUBLISH', ARGV[1], ARGV[2]) end
return back
