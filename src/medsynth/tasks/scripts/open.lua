-- A worker is about to start many messages that end at once, of which a look at the record did not say enough: which attempt is
-- each? KEYS records. ARGV from 8: created (microseconds); then, in the order of KEYS, groups: queue and actor (JSON), number of records, and the message_id (JSON) of each.
-- Answers what is unusual: the place (from 1) and the number; all others are the first attempt. 0 for a record that is not
-- pending for that message, or whose message must not run: begin.lua has the rules. Writes nothing but records that were not
-- there: advance.lua takes the first state of such an attempt only while the record is still as it was here.
check_writes()
local created = ARGV[8]
local answer, place = {}, 0

local function next_attempt(key, message, queue, actor)
  local found = redis.pcall('HMGET', key, 'message_id', 'status', 'attempt', 'cancelled_at')
  if found.err then return 0 end
  local pending = found[1] == message and found[2] == '"pending"'
  if pending and found[3] == '0' and not found[4] then return 1 end   -- as it was made: nobody wrote a tombstone
  if redis.call('EXISTS', tombstone(message)) == 1 then return 0 end
  if pending then return number_of(found[3]) + 1 end
  if redis.call('EXISTS', key) == 1 then return 0 end
  local id = string.sub(key, #prefix + 1)
  redis.call('HSET', key, 'message_id', message, 'attempt', '0', 'status', '"pending"', 'progress', '0', 'created_at', now,
    'updated_at', now, 'queue', queue, 'actor', actor)
  index_new(id, created)
  changed(id, false, state_of(key))
  return 1
end

local at = 9
while at <= #ARGV do
  local queue, actor, last = ARGV[at], ARGV[at + 1], at + 2 + ARGV[at + 2]
  for i = at + 3, last do
    place = place + 1
    local number = next_attempt(KEYS[place], ARGV[i], queue, actor)
    if number ~= 1 then
      answer[#answer + 1] = place
      answer[#answer + 1] = number
    end
  end
  at = last + 1
end
return answer
