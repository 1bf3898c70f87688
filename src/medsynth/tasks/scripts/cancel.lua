-- Ends a waiting task, asks a running one to stop. KEYS record. ARGV from 8: id, the statuses that may become cancelled.
-- Answers outcome and message_id (JSON, empty when there is none).
local key, id, cancellable = KEYS[1], ARGV[8], ARGV[9]
local kind = kind_of(key)
if kind == 'none' then return {'absent', ''} end
if kind ~= 'hash' then return unusable(key, kind) end

check_writes()
local status, message = status_of(key), redis.call('HGET', key, 'message_id')
if not contains(cancellable, status) then return {'ended', message or ''} end
if message then bury(id, message, 'cancelled') end
if message and status == '"processing"' then
  redis.call('HSET', key, 'cancel_requested', 'true', 'updated_at', now)
  changed(id, status, state_of(key))
  return {'requested', message}
end
end_cancelled(id, status)
return {'cancelled', message or ''}
