-- A worker starts a message: opens the next attempt of its record. KEYS record. ARGV from 8: id, message_id (JSON), the
-- statuses from which a record may be started, created (microseconds), number of field words, fields of a new record, then
-- the fields of every start. Answers outcome and attempt.
local key, id, message, startable, created = KEYS[1], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local fields_end = 12 + tonumber(ARGV[12])
local kind = kind_of(key)
if kind ~= 'none' and kind ~= 'hash' then return unusable(key, kind) end

local owner = redis.call('HGET', key, 'message_id')
local before = kind == 'hash' and status_of(key)
local verdict = string.match(redis.call('GET', tombstone(message)) or '', '^%l+')
if verdict then
  -- It ran when it was cancelled, and its worker died.
  if verdict == 'cancelled' and owner == message and not has_ended(before) then end_cancelled(id, before) end
  return {verdict}
end
if before and (not contains(startable, before) or (owner and owner ~= message)) then return {'ended'} end

local attempt = attempt_of(key) + 1
if not before then
  set_fields(key, 13, fields_end)
  index_new(id, created)
end
set_fields(key, fields_end + 1, #ARGV)
redis.call('HSET', key, 'attempt', attempt)
redis.call('HDEL', key, 'error', 'next_attempt_at', 'cancel_requested')
changed(id, before, state_of(key))
return {'run', attempt}
