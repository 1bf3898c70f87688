-- Makes a record that stands for a message, once: record, idempotency key, and the commands that enqueue the message.
-- KEYS record, idempotency key (or the record again). ARGV from 8: id, created (microseconds), message_id (JSON), guard
-- value, guard TTL (milliseconds, 0: no guard), number of field words, fields, then each command as count and words.
local key, guard = KEYS[1], KEYS[2]
local id, created, message, guard_value, guard_ms = ARGV[8], ARGV[9], ARGV[10], ARGV[11], tonumber(ARGV[12])
local fields_end = 13 + tonumber(ARGV[13])
local kind = kind_of(key)

-- The same call again, after its answer was lost.
if kind == 'hash' and redis.call('HGET', key, 'message_id') == message then return {'created'} end
if guard_ms > 0 then
  local stored = redis.call('GET', guard)
  if stored then return {'guarded', stored} end
end
if kind ~= 'none' then return {'exists'} end

-- First what can fail (a queue's key may hold anything): what follows touches only keys of ours.
local at = fields_end + 1
while at <= #ARGV do
  local last = at + tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, last))
  at = last + 1
end
if guard_ms > 0 then redis.call('SET', guard, guard_value, 'PX', guard_ms) end
set_fields(key, 14, fields_end)
index_new(id, created)
changed(id, false, state_of(key))
return {'created'}
