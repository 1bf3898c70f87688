-- What the scripts of this room share, after redis/check.lua. A script asks check_writes() before it writes.
-- ARGV 1-7: prefix, channel, statuses that are open, statuses that have ended (JSON texts, comma-separated), now (JSON
-- text), now (microseconds), TTL of records (milliseconds). Field values are JSON text and never decoded here.
local prefix, channel, open, ended, now, now_micros, ttl =
  ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local index = prefix .. '\31'
local all, expiry, changes = index .. 'all', index .. 'expiry', index .. 'changes'
local now_ms = math.floor(tonumber(now_micros) / 1000)
local tombstone_ms = 2592000000   -- 30 days: longer than any message of ours waits
local settling_ms = 600000        -- a message whose record has ended is settled within its worker's heartbeat timeout
local abort_ms = 90000            -- dramatiq-abort's own

local function unquoted(json) return string.sub(json, 2, -2) end
local function contains(statuses, status) return string.find(statuses, status, 1, true) ~= nil end
local function has_ended(status) return contains(ended, status) end
local function status_index(status) return index .. 'status:' .. unquoted(status) end
local function tombstone(message) return index .. 'tombstone:' .. unquoted(message) end
local function deleted_mark(id) return index .. 'deleted:' .. id end

-- Whether everything that a change of a record writes can be written.
local function check_writes()
  need('zset', all, expiry)
  for status in string.gmatch(open .. ',' .. ended, '[^,]+') do need('zset', status_index(status)) end
  for _, verb in ipairs({'HSET', 'HDEL', 'PEXPIRE', 'SET', 'ZADD', 'ZREM'}) do may(verb, all, '1', '1') end
  for _, verb in ipairs({'PERSIST', 'UNLINK'}) do may(verb, all) end
end

local function kind_of(key) return redis.call('TYPE', key).ok end
local function status_of(key) return redis.call('HGET', key, 'status') or '"pending"' end
local function number_of(field) return tonumber(string.match(field or '', '^%d+$') or 0) end
local function attempt_of(key) return number_of(redis.call('HGET', key, 'attempt')) end

-- The answer for a key that no script can work on: C++ rewrites the JSON string of an older version and asks again.
local function unusable(key, kind)
  if kind == 'string' then return {'legacy', redis.call('GET', key)} end
  return {'foreign', kind}
end

local function set_fields(key, first, last)
  for i = first, last, 200 do redis.call('HSET', key, unpack(ARGV, i, math.min(i + 199, last))) end
end

local function unindex(id)
  redis.call('ZREM', all, id)
  redis.call('ZREM', expiry, id)
  for status in string.gmatch(open .. ',' .. ended, '[^,]+') do redis.call('ZREM', status_index(status), id) end
end

-- A record that was just made: nothing of an earlier one with its id counts any more. Not before its first field is written:
-- a Redis whose memory is full refuses a script at its first write or not at all.
local function index_new(id, created)
  unindex(id)
  redis.call('DEL', deleted_mark(id))
  redis.call('ZADD', all, created, id)
end

-- The event of an id, or of several that are joined by newlines: a line each. `rest` are its other members.
local function event_of(ids, rest)
  local head, tail = '{"task_id":"', '",' .. rest .. '}'
  local escaped = string.gsub(ids, '[\\"]', '\\%0')
  return head .. string.gsub(escaped, '\n', (string.gsub(tail, '%%', '%%%%')) .. '\n' .. head) .. tail
end
local function event(ids, status, progress, attempt)
  return event_of(ids, '"status":' .. status .. ',"progress":' .. (progress or '0') .. ',"attempt":' .. (attempt or '0'))
end

-- What changed, to those who listen. It is kept where somebody asked for that of late (changes.h): where nobody did,
-- the stream is not there, and this writes nothing. By pcall, as a bell: a record does not depend on it.
local function tell(events)
  ring(channel, events)
  redis.pcall('XADD', changes, 'NOMKSTREAM', 'MAXLEN', '~', '4096', '*', 'events', events)
end

-- When the records of these ids were created: what orders every index.
local function scores(ids)
  local created = redis.call('ZMSCORE', all, unpack(ids))
  for i = 1, #ids do created[i] = created[i] or now_micros end
  return created
end

-- What changed() has to know of a record.
local function state_of(key) return unpack(redis.call('HMGET', key, 'status', 'message_id', 'progress', 'attempt')) end

-- After every change: the record's place in the indexes, its TTL, the event. `before` is the status that it had, false
-- for a new record; the others are what the record has now.
local function changed(id, before, status, message, progress, attempt)
  local key = prefix .. id
  if before ~= status then
    local created = redis.call('ZSCORE', all, id) or now_micros
    redis.call('ZADD', all, created, id)
    if before then redis.call('ZREM', status_index(before), id) end
    redis.call('ZADD', status_index(status), created, id)
  end
  if message and not has_ended(status) then
    redis.call('PERSIST', key)
    redis.call('ZREM', expiry, id)
  else
    redis.call('PEXPIRE', key, ttl)
    redis.call('ZADD', expiry, now_ms + ttl, id)
  end
  tell(event(id, status, progress, attempt))
end

-- Tells whoever fetches the message, Python's dramatiq-abort too, that it must not run. The latter by pcall: it is a courtesy,
-- and on a cluster its slot may be another.
local function bury(id, message, verdict)
  redis.call('SET', tombstone(message), verdict .. '\n' .. id, 'PX', tombstone_ms)
  local abort = 'dramatiq:aborts:cancel:' .. unquoted(message)
  if redis.pcall('EXISTS', abort) == 0 then redis.pcall('RPUSH', abort, '{}') end
  redis.pcall('PEXPIRE', abort, abort_ms)
end

local function end_cancelled(id, before)
  redis.call('HSET', prefix .. id, 'status', '"cancelled"', 'updated_at', now, 'cancelled_at', now)
  redis.call('HDEL', prefix .. id, 'cancel_requested', 'next_attempt_at')
  changed(id, before, state_of(prefix .. id))
end

-- Deletes a record of ours, and sees to it that its message does not bring it back.
local function remove(id)
  local key = prefix .. id
  local status, message = status_of(key), redis.call('HGET', key, 'message_id')
  redis.call('UNLINK', key)   -- first, so that a Redis whose memory is full lets the rest pass
  unindex(id)
  if message and has_ended(status) then
    redis.call('SET', tombstone(message), 'deleted\n' .. id, 'PX', settling_ms)
  elseif message then
    bury(id, message, 'deleted')
    redis.call('SET', deleted_mark(id), message, 'PX', tombstone_ms)
  end
  tell(event_of(id, '"status":"deleted"'))
end

-- One of an older version, of which nothing is known but its id.
local function remove_unreadable(id)
  redis.call('UNLINK', prefix .. id)
  unindex(id)
  tell(event_of(id, '"status":"deleted"'))
end

-- Looks at one id whose time is up; true when it was removed from the indexes.
local function expired(id)
  local left = redis.call('PTTL', prefix .. id)
  if left == -2 then
    unindex(id)
  elseif left >= 0 then
    redis.call('ZADD', expiry, now_ms + left + 1, id)   -- Redis' clock is behind the caller's, or it got a new TTL
  end
  return left == -2
end

-- Removes up to `most` index entries whose time is up, and some more where many ended together (advance.lua); answers how many,
-- and whether there may be more.
local function sweep(most)
  local removed, looked = 0, 0
  local due = redis.call('ZRANGEBYSCORE', expiry, '-inf', now_ms, 'LIMIT', 0, most)
  for i, together in ipairs(due) do
    redis.call('ZREM', expiry, together)
    for id in string.gmatch(together, '[^\n]+') do
      looked = looked + 1
      if expired(id) then removed = removed + 1 end
    end
    if looked >= most then return removed, i < #due or #due == most end
  end
  return removed, #due == most
end

-- By bytes, as sorted sets order their members; Lua's own order depends on the server's locale.
local function bytes_less(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- How many entries of a sorted set, highest first, come before and at (score, id). The entry itself may be gone.
local function position(key, score, id)
  local at = redis.call('ZSCORE', key, id)
  if at and tonumber(at) == tonumber(score) then return redis.call('ZREVRANK', key, id) + 1 end
  local low = redis.call('ZCOUNT', key, '(' .. score, '+inf')
  local high = low + redis.call('ZCOUNT', key, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if bytes_less(redis.call('ZREVRANGE', key, middle, middle)[1], id) then high = middle else low = middle + 1 end
  end
  return low
end
