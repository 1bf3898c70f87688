#!lua flags=allow-oom
-- Settles a message that is still ours, and does what follows from that in the same step: a dead letter, a move to another
-- queue, further messages, a stored result, a group's barrier. A message that was purged meanwhile leaves nothing behind.
-- KEYS payloads, acks, running, deaths, dead, dead payloads, reasons, barrier (any key when there is none)
-- ARGV id; dead letter's payload (empty: it becomes none; `=`: as it lies), reason; the barrier's TTL (ms, empty: none); number
-- of words of the commands that follow, these; then those that follow when the barrier is complete. Each command is a count
-- and that many words. Returns 0 when the lease was lost: nothing is done. An error means that nothing is done, too, but where
-- Redis' own rules changed in between: then some of what follows is done twice, and nothing is lost.
local id, letter = ARGV[1], ARGV[2]
local then_end = 5 + tonumber(ARGV[5])
local barrier, events = KEYS[8], KEYS[8] .. '@events'
need('hash', KEYS[1], KEYS[4])
need('set', KEYS[2], KEYS[3])
if letter ~= '' then
  need('zset', KEYS[5])
  need('hash', KEYS[6], KEYS[7])
end
if redis.call('SISMEMBER', KEYS[2], id) == 0 then return 0 end

local payload = redis.call('HGET', KEYS[1], id)
if payload then
  check_commands(6, then_end)
  local left
  if ARGV[4] ~= '' then
    -- As Dramatiq's barrier: the counter stops at 1, and a missing one is complete.
    left = tonumber(redis.call('GET', barrier) or '0')
    if not left then error({err = 'WRONGTYPE the barrier ' .. barrier .. ' is no counter'}) end
    left = left - 1
    if left < 1 then
      need_one('WRONGTYPE', 'list', events)
      check_commands(then_end + 1, #ARGV)
    end
  end
  may('HDEL', KEYS[1], id)
  may('SREM', KEYS[2], id)

  if letter ~= '' then
    local time = redis.call('TIME')
    redis.call('HSET', KEYS[6], id, letter == '=' and payload or letter)
    if ARGV[3] ~= '' then redis.call('HSET', KEYS[7], id, ARGV[3]) end
    redis.call('ZADD', KEYS[5], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), id)
  end
  run_commands(6, then_end)
  if left and left >= 1 then
    redis.call('SET', barrier, string.format('%.0f', left), 'PX', ARGV[4])
  elseif left then
    redis.call('RPUSH', events, 'x')
    redis.call('PEXPIRE', events, ARGV[4])
    run_commands(then_end + 1, #ARGV)
  end
end
-- Payload and lease last.
redis.call('SREM', KEYS[3], id)
redis.call('HDEL', KEYS[4], id)
redis.call('HDEL', KEYS[1], id)
redis.call('SREM', KEYS[2], id)
return 1
