-- Writes of many attempts. KEYS records. ARGV from 8: worker (JSON, empty: of an attempt that no other worker can have); then, in
-- the order of KEYS, groups that take the same step: the status that it leads to (JSON), attempt, number of records, number of field
-- names, these, and for each record its message_id (JSON), when it was created (microseconds, empty: not known) and the values of
-- these fields. A step to `processing` with the field `progress` is progress. Answers what is unusual: the place (from 1), and stop (written, and it
-- should stop), stale or gone; all others are written. What is the same for many is said to Redis once: indexes, expiry, event.
check_writes()
local worker = ARGV[8]
local progress_of = {['"pending"'] = '0', ['"processing"'] = '0', ['"completed"'] = '100'}
local time = redis.call('TIME')
-- As text: Redis takes 0.3 us to write a number that a script gives it.
local expire_at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + ttl)
local answer, events = {}, {}
local place = 0

-- Whether an attempt may write; `again`: it did, and its answer was lost. `progressing`: it says how far it is.
local function verdict(found, key, message, attempt, to, progressing)
  if not found[1] and redis.call('EXISTS', key) == 0 then return 'gone' end
  if found[1] ~= message then return 'stale' end   -- also what is no hash
  local before = found[3]
  if before == '"pending"' then
    if found[2] == attempt and before == to then return 'again' end
    return number_of(found[2]) + 1 == tonumber(attempt) and 'write' or 'stale'   -- the first state of this attempt
  end
  if found[2] ~= attempt or worker ~= '' and redis.call('HGET', key, 'worker') ~= worker then return 'stale' end
  if before == '"processing"' then return before == to and not progressing and 'again' or 'write' end
  return before == to and 'again' or 'stale'
end

local function step(at)
  local to, attempt, count, names = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local ending, progress = has_ended(to), progress_of[to]
  local words = {'attempt', attempt, 'status', to, 'updated_at', now}
  if worker ~= '' then
    words[7], words[8] = 'worker', worker
  end
  for name = 1, names do
    if ARGV[at + 3 + name] == 'progress' then progress = nil end
  end
  if progress then
    words[#words + 1], words[#words + 2] = 'progress', progress
  end
  local base = #words
  for name = 1, names do words[base + 2 * name - 1] = ARGV[at + 3 + name] end
  local written, moved, scored, unknown, from = {}, {}, {}, {}, {}
  at = at + 4 + names
  for _ = 1, count do
    place = place + 1
    local key, message = KEYS[place], ARGV[at]
    local found = redis.pcall('HMGET', key, 'message_id', 'attempt', 'status')
    local result = verdict(found, key, message, attempt, to, not progress)
    if result == 'write' then
      local id, before = string.sub(key, #prefix + 1), found[3]
      if before ~= '"pending"' or attempt ~= '1' then   -- else nothing came before
        if redis.call('HGET', key, 'cancel_requested') == 'true' then
          result = 'stop'
          if ending then redis.call('DEL', tombstone(message)) end
        end
        if ending then
          redis.call('HDEL', key, 'error', 'result', 'completed_at', 'failed_at', 'cancelled_at', 'next_attempt_at', 'cancel_requested')
        end
      end
      for name = 1, names do words[base + 2 * name] = ARGV[at + 1 + name] end
      redis.call('HSET', key, unpack(words))
      if to == '"pending"' then redis.call('HDEL', key, 'worker', 'stage') end
      if ending then
        redis.call('PEXPIREAT', key, expire_at)
      end
      written[#written + 1] = id
      if before ~= to then
        local created, count_of = ARGV[at + 1], #moved + 1
        moved[count_of] = id
        scored[2 * count_of - 1], scored[2 * count_of] = created, id
        if created == '' then unknown[#unknown + 1] = count_of end
        local group = from[before]
        if not group then
          group = {}
          from[before] = group
        end
        group[#group + 1] = id
      end
      if not progress then events[#events + 1] = event(id, to, redis.call('HGET', key, 'progress'), attempt) end
    end
    if result ~= 'write' and result ~= 'again' then
      answer[#answer + 1] = place
      answer[#answer + 1] = result
    end
    at = at + 2 + names
  end
  if #written == 0 then return at end
  for status, ids in pairs(from) do redis.call('ZREM', status_index(status), unpack(ids)) end
  if #unknown > 0 then
    local created = scores(moved)
    for _, i in ipairs(unknown) do scored[2 * i - 1] = created[i] end
  end
  if #moved > 0 then redis.call('ZADD', status_index(to), unpack(scored)) end
  local together = table.concat(written, '\n')   -- no id holds a newline
  if ending then redis.call('ZADD', expiry, now_ms + ttl, together) end
  if progress then events[#events + 1] = event(together, to, progress, attempt) end
  return at
end

local at = 9
repeat at = step(at) until at > #ARGV
if #events > 0 then tell(table.concat(events, '\n')) end
return answer
