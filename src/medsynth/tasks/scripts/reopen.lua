-- A message that had ended goes back to its queue: the commands that move it, and its record is pending again. KEYS record.
-- ARGV from 8: id, message_id (JSON), then each command as count and words. The first command takes the message from where
-- it lies: when it answers 0, somebody else has taken it, and nothing is done.
local key, id, message = KEYS[1], ARGV[8], ARGV[9]
local kind = kind_of(key)
if kind ~= 'none' and kind ~= 'hash' then return unusable(key, kind) end
local owner = redis.call('HGET', key, 'message_id')
local ours = owner == message or not owner
if not ours and not has_ended(status_of(key)) then return {'taken'} end

check_writes()
check_commands(10, #ARGV)
local first_end = 10 + tonumber(ARGV[10])
if redis.call(unpack(ARGV, 11, first_end)) == 0 then return {'absent'} end
run_commands(first_end + 1, #ARGV)

redis.call('DEL', tombstone(message), deleted_mark(id))
redis.pcall('DEL', 'dramatiq:aborts:cancel:' .. unquoted(message))   -- by itself: on a cluster its slot is another
if kind == 'hash' and ours then   -- another's, that has ended, stays until open.lua replaces it
  local before = status_of(key)
  redis.call('HSET', key, 'status', '"pending"', 'progress', '0', 'updated_at', now)
  redis.call('HDEL', key, 'error', 'result', 'failed_at', 'completed_at', 'cancelled_at', 'next_attempt_at', 'cancel_requested',
    'worker', 'stage')
  changed(id, before, state_of(key))
end
return {'reopened'}
