#!lua flags=allow-oom
-- Counts a start of a message that is still ours, once per worker: "<count> <worker>" under its id.
-- KEYS acks, starts; ARGV id, worker. Returns the earlier starts that were never settled, -1 when the lease was lost.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then return -1 end
local count, worker = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '0 ', '^(%d+) (.*)$')
count = tonumber(count)
if worker ~= ARGV[2] then
  count = count + 1
  redis.call('HSET', KEYS[2], ARGV[1], count .. ' ' .. ARGV[2])
end
return count - 1
