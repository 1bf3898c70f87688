-- Makes a record that stands for a message, once: record, idempotency key, and the commands that enqueue the message.
-- KEYS record, idempotency key, hash of the queue's messages (for either: or the record again). ARGV from 8: id, created
-- (microseconds), message_id (JSON), guard value, guard TTL (milliseconds, 0: no guard), how many messages the queue may have
-- (0: no bound), number of field words, fields, then each command as count and words.
local key, guard = KEYS[1], KEYS[2]
local id, created, message, guard_value, guard_ms = ARGV[8], ARGV[9], ARGV[10], ARGV[11], tonumber(ARGV[12])
local max_messages = tonumber(ARGV[13])
local fields_end = 14 + tonumber(ARGV[14])
local kind = kind_of(key)

-- The same call again, after its answer was lost.
if kind == 'hash' and redis.call('HGET', key, 'message_id') == message then return {'created'} end
if guard_ms > 0 then
  local stored = redis.call('GET', guard)
  if stored then return {'guarded', stored} end
end
if kind ~= 'none' then return {'exists'} end
if max_messages > 0 and redis.call('HLEN', KEYS[3]) >= max_messages then return {'full'} end

-- First what can fail: a queue's key may hold anything.
check_writes()
check_commands(fields_end + 1, #ARGV)
run_commands(fields_end + 1, #ARGV)
if guard_ms > 0 then redis.call('SET', guard, guard_value, 'PX', guard_ms) end
set_fields(key, 15, fields_end)
index_new(id, created)
changed(id, false, state_of(key))
return {'created'}
