-- Puts a record back where there is none, and the message that it stands for. KEYS record, set of messages that went back, hash of
-- the queue's messages (the record again: no message). ARGV from 8: id, created (microseconds), until it expires (ms, negative: it
-- does not), message_id (JSON, empty: no message), its id in Redis, its tombstone (empty: none), number of field words, fields (none: no
-- record, the message's worker makes it), then each command that puts the message back as count and words. Answers `restored`,
-- `exists`, or `message` where that is there or went back before.
local key, given_back, messages = KEYS[1], KEYS[2], KEYS[3]
local id, created, left, message, message_key, verdict = ARGV[8], ARGV[9], tonumber(ARGV[10]), ARGV[11], ARGV[12], ARGV[13]
local fields_end = 14 + tonumber(ARGV[14])
if kind_of(key) ~= 'none' then return 'exists' end
if message_key ~= '' then
  need('set', given_back)
  need('hash', messages)
  if redis.call('SISMEMBER', given_back, message_key) == 1 or redis.call('HEXISTS', messages, message_key) == 1 then return 'message' end
  may('SADD', given_back, message_key)
end

check_writes()
check_commands(fields_end + 1, #ARGV)
if message_key ~= '' then
  redis.call('SADD', given_back, message_key)
  redis.call('PEXPIRE', given_back, tombstone_ms)
end
run_commands(fields_end + 1, #ARGV)
if fields_end > 14 then
  set_fields(key, 15, fields_end)
  index_new(id, created)
  changed(id, false, state_of(key))
  if left >= 0 then
    redis.call('PEXPIRE', key, math.max(left, 1))
    redis.call('ZADD', expiry, now_ms + left, id)
  end
end
-- What said here that the message must not run was said of a task that is gone.
if message ~= '' then
  redis.call('DEL', tombstone(message))
  redis.pcall('DEL', 'dramatiq:aborts:cancel:' .. unquoted(message))   -- by itself: on a cluster its slot is another
  if verdict ~= '' then redis.call('SET', tombstone(message), verdict .. '\n' .. id, 'PX', tombstone_ms) end
end
return 'restored'
