#!lua flags=allow-oom
-- Settles a message that is still ours, and does what follows from that in the same step: a dead letter, a move to another
-- queue, further messages, a stored result, a group's barrier. A message that was purged meanwhile leaves nothing behind.
-- KEYS payloads, acks, running, deaths, dead, dead payloads, reasons, barrier (any key when there is none)
-- ARGV id; dead letter's payload (empty: it becomes none), reason; the barrier's TTL (ms, empty: none); number of
-- words of the commands that follow, these; then those that follow when the barrier is complete. Each command is a count
-- and that many words. Returns 0 when the lease was lost: nothing is done.
local function run(first, last)
  while first <= last do
    local words = tonumber(ARGV[first])
    redis.call(unpack(ARGV, first + 1, first + words))
    first = first + words + 1
  end
end

if redis.call('SREM', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 1 end
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('ZADD', KEYS[5], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), ARGV[1])
  redis.call('HSET', KEYS[6], ARGV[1], ARGV[2])
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[7], ARGV[1], ARGV[3]) end
end
local last = 5 + tonumber(ARGV[5])
run(6, last)
if ARGV[4] == '' then return 1 end
-- As Dramatiq's barrier: the counter stops at 1, and a missing one is complete.
local left = tonumber(redis.call('GET', KEYS[8]) or '0') - 1
if left >= 1 then
  redis.call('SET', KEYS[8], string.format('%.0f', left), 'PX', ARGV[4])
else
  redis.call('RPUSH', KEYS[8] .. '@events', 'x')
  redis.call('PEXPIRE', KEYS[8] .. '@events', ARGV[4])
  run(last + 1, #ARGV)
end
return 1
