#!lua flags=allow-oom
-- Settles messages that are still ours. One whose lease was lost is somebody else's: nothing is done with it.
-- KEYS payloads, acks, running, deaths; ARGV id ... Returns the places (from 1) of those that were not ours any more.
need('set', KEYS[3])
need('hash', KEYS[1], KEYS[4])
local lost, ours = {}, ARGV
local held = redis.call('SMISMEMBER', KEYS[2], unpack(ARGV))
for i = 1, #ARGV do
  if held[i] == 0 then lost[#lost + 1] = i end
end
if #lost > 0 then
  ours = {}
  for i, id in ipairs(ARGV) do
    if held[i] == 1 then ours[#ours + 1] = id end
  end
  if #ours == 0 then return lost end
end
redis.call('SREM', KEYS[3], unpack(ours))
if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('HDEL', KEYS[4], unpack(ours)) end
redis.call('HDEL', KEYS[1], unpack(ours))
redis.call('SREM', KEYS[2], unpack(ours))   -- the lease last
return lost
