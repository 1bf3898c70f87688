#!lua flags=allow-oom
-- Takes messages off the head of a queue into the caller's ack set, after its heartbeat. Ids without a payload are
-- dropped; an id that is in the ack set already is in the caller's hand and not given twice.
-- A paused queue gives nothing. Nothing is taken off it that could not be taken into the ack set.
-- KEYS queue, payloads, acks, heartbeats, paused, running, deaths; ARGV worker, count, queue name, whether they start at once (1: as
-- start.lua). Returns whether they were noted as running (0 where one has deaths to tell of), ids, payloads, and message_ids that
-- dramatiq-abort has not cancelled: where they start at once, and as far as they can be seen.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('ZADD', KEYS[4], now, ARGV[1])
if redis.call('SISMEMBER', KEYS[5], ARGV[3]) == 1 then return {0, {}, {}, {}} end
need('hash', KEYS[2])
need('set', KEYS[3], KEYS[6])
may('SADD', KEYS[3], 'id')
local ids = redis.call('LPOP', KEYS[1], ARGV[2])
if not ids then return {0, {}, {}, {}} end
local held = redis.call('SMISMEMBER', KEYS[3], unpack(ids))
local payloads = redis.call('HMGET', KEYS[2], unpack(ids))
local usual = true
for i = 1, #ids do usual = usual and payloads[i] and held[i] == 0 end
-- An id that lies on the queue twice is added once.
if not usual or redis.call('SADD', KEYS[3], unpack(ids)) < #ids then
  local fresh, theirs, seen = {}, {}, {}
  for i, id in ipairs(ids) do
    if payloads[i] and held[i] == 0 and not seen[id] then
      seen[id] = true
      fresh[#fresh + 1] = id
      theirs[#theirs + 1] = payloads[i]
    end
  end
  ids, payloads = fresh, theirs
  if #ids == 0 then return {0, {}, {}, {}} end
  redis.call('SADD', KEYS[3], unpack(ids))
end
if ARGV[4] ~= '1' or redis.call('EXISTS', KEYS[7]) == 1 then return {0, ids, payloads, {}} end
redis.call('SADD', KEYS[6], unpack(ids))
local asked, keys = {}, {}
for i, payload in ipairs(payloads) do
  asked[i] = string.match(payload, '.*"message_id":"([^"\\]*)"') or ''   -- the last: others are nested, and the caller compares
  keys[i] = 'dramatiq:aborts:cancel:' .. asked[i]
end
-- By pcall: on a cluster the keys lie apart, and may not be asked for here.
if redis.pcall('EXISTS', unpack(keys)) ~= 0 then asked = {} end
return {1, ids, payloads, asked}
