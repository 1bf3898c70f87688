#!lua flags=allow-oom
-- Takes messages off the head of a queue into the caller's ack set, after its heartbeat. Ids without a payload are
-- dropped; an id that is in the ack set already is in the caller's hand and not given twice.
-- A paused queue gives nothing.
-- KEYS queue, payloads, acks, heartbeats, paused, running, deaths; ARGV worker, count, queue name, whether they start at once (1: as
-- start.lua). Returns whether they were noted as running (0 where one has deaths to tell of), ids, payloads.
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('ZADD', KEYS[4], now, ARGV[1])
if redis.call('SISMEMBER', KEYS[5], ARGV[3]) == 1 then return {0, {}, {}} end
local ids = redis.call('LPOP', KEYS[1], ARGV[2])
if not ids then return {0, {}, {}} end
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
  if #ids == 0 then return {0, {}, {}} end
  redis.call('SADD', KEYS[3], unpack(ids))
end
local start = ARGV[4] == '1' and redis.call('EXISTS', KEYS[7]) == 0
if start then redis.call('SADD', KEYS[6], unpack(ids)) end
return {start and 1 or 0, ids, payloads}
