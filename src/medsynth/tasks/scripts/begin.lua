-- A worker starts a message: opens the next attempt of its record. KEYS record. ARGV from 8: id, message_id (JSON), the
-- statuses from which a record may be started, created (microseconds), number of field words, fields of a new record, then
-- the fields of every start. Answers outcome and attempt.
local key, id, message, startable, created = KEYS[1], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local fields_end = 12 + tonumber(ARGV[12])
local kind = kind_of(key)
if kind ~= 'none' and kind ~= 'hash' then return unusable(key, kind) end
check_writes()

local owner = redis.call('HGET', key, 'message_id')
local before = kind == 'hash' and status_of(key)
local verdict = string.match(redis.call('GET', tombstone(message)) or '', '^%l+')
if verdict then
  -- It ran when it was cancelled, and its worker died.
  if verdict == 'cancelled' and owner == message and not has_ended(before) then end_cancelled(id, before) end
  return {verdict}
end
local replaces = false
if before and owner ~= message then
  replaces = has_ended(before)   -- the id is free again: a new task of it
  if owner and not replaces then return {'taken', owner} end
elseif before and not contains(startable, before) then
  return {'ended'}
end

local attempt = attempt_of(key) + 1   -- goes on, so that no late write of the old task fits
if replaces then
  -- The old message may still have to be settled.
  if owner then redis.call('SET', tombstone(owner), 'deleted\n' .. id, 'PX', settling_ms) end
  redis.call('UNLINK', key)
end
if replaces or not before then
  set_fields(key, 13, fields_end)
  index_new(id, created)
end
set_fields(key, fields_end + 1, #ARGV)
redis.call('HSET', key, 'attempt', attempt)
redis.call('HDEL', key, 'error', 'next_attempt_at', 'cancel_requested')
changed(id, not replaces and before, state_of(key))
return {'run', attempt}
