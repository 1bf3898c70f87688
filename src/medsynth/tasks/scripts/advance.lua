-- Writes of many attempts. KEYS records. ARGV from 8: worker (JSON), then for each record id, message_id (JSON), attempt, the status that it
-- leads to (JSON), number of field words, fields. Answers for each: written, stop (written, and it should stop), stale, gone.
-- What is the same for many is said to Redis once: indexes, expiry.
local answer, expires = {}, {}
local from = {}
local ids, statuses = {}, {}

local worker = ARGV[8]
local at = 9
for i, key in ipairs(KEYS) do
  local id, message, attempt, to = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local first = at + 5
  local last = at + 4 + ARGV[at + 4]
  at = last + 1
  local found = redis.pcall('HMGET', key, 'message_id', 'attempt', 'status', 'cancel_requested', 'worker')
  local before = found[3]
  local fresh = before == '"pending"'   -- the first state of this attempt: open.lua gave it its number
  if found.err or not found[1] then
    answer[i] = 'gone'
  elseif found[1] == message and found[2] == attempt and found[5] == worker and before == to then
    answer[i] = 'written'   -- the same again, after its answer was lost
  elseif found[1] ~= message or (fresh and found[2] + 1 ~= tonumber(attempt))
      or (not fresh and (before ~= '"processing"' or found[2] ~= attempt or found[5] ~= worker)) then
    answer[i] = 'stale'
  else
    answer[i] = found[4] == 'true' and 'stop' or 'written'
    local ending = has_ended(to)
    if ending and not (fresh and attempt == '1') then
      redis.call('HDEL', key, 'error', 'result', 'completed_at', 'failed_at', 'cancelled_at', 'next_attempt_at', 'cancel_requested')
    end
    redis.call('HSET', key, 'attempt', attempt, 'worker', worker, unpack(ARGV, first, last))
    if ending then
      redis.call('PEXPIRE', key, ttl)
      expires[#expires + 1] = now_ms + ttl
      expires[#expires + 1] = id
      if answer[i] == 'stop' then redis.call('DEL', tombstone(message)) end
    end
    ids[#ids + 1] = id
    statuses[#statuses + 1] = to
    local group = from[before]
    if not group then
      group = {}
      from[before] = group
    end
    group[#group + 1] = id
    publish(id, '"status":' .. to .. ',"progress":' .. (to == '"completed"' and '100' or redis.call('HGET', key, 'progress') or '0')
      .. ',"attempt":' .. attempt)
  end
end
if #ids == 0 then return answer end

for status, group in pairs(from) do redis.call('ZREM', status_index(status), unpack(group)) end
local created, placed = redis.call('ZMSCORE', all, unpack(ids)), {}
for i, id in ipairs(ids) do
  local words = placed[statuses[i]]
  if not words then
    words = {}
    placed[statuses[i]] = words
  end
  words[#words + 1] = created[i] or now_micros
  words[#words + 1] = id
end
for status, words in pairs(placed) do redis.call('ZADD', status_index(status), unpack(words)) end
if #expires > 0 then redis.call('ZADD', expiry, unpack(expires)) end
return answer
