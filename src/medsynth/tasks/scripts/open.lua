-- A worker is about to start many messages that end at once: which attempt is each? KEYS records. ARGV from 8: created
-- (microseconds), then for each record id, message_id, queue and actor (JSON). Answers the numbers; 0 for a record that is not
-- pending for that message, or whose message must not run: begin.lua has the rules. Writes nothing but records that were not
-- there: advance.lua takes the first state of such an attempt only while the record is still as it was here.
local created = ARGV[8]
local marks = {}
for i = 1, #KEYS do marks[i] = tombstone(ARGV[6 + 4 * i]) end
local graves = redis.call('MGET', unpack(marks))
local answer = {}
for i, key in ipairs(KEYS) do
  local at = 5 + 4 * i
  local id, message = ARGV[at], ARGV[at + 1]
  local found = redis.pcall('HMGET', key, 'message_id', 'status', 'attempt')
  if found.err or graves[i] then
    answer[i] = 0
  elseif found[1] == message and found[2] == '"pending"' then
    answer[i] = tonumber(found[3] or '0') + 1
  elseif redis.call('EXISTS', key) == 1 then
    answer[i] = 0
  else
    answer[i] = 1
    redis.call('HSET', key, 'status', '"pending"', 'progress', '0', 'created_at', now, 'updated_at', now, 'attempt', '0',
      'message_id', message, 'queue', ARGV[at + 2], 'actor', ARGV[at + 3])
    index_new(id, created)
    changed(id, false)
  end
end
return answer
