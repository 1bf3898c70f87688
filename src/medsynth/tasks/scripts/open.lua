-- A worker starts messages: opens the next attempt of their records. KEYS records. ARGV from 8: created (microseconds), worker
-- (JSON), the statuses from which a record may be started; then, in the order of KEYS, groups: queue and actor (JSON), number of
-- records, and the message_id (JSON) of each. Answers for each record an outcome and what belongs to it: `run` and the attempt,
-- `taken` and the owner, `ended`, `cancelled` or `deleted` and nothing, `legacy` and the string, `foreign` and the kind of key.
check_writes()
local created, worker, startable = ARGV[8], ARGV[9], ARGV[10]

local function open_one(key, message, queue, actor)
  local kind = kind_of(key)
  if kind ~= 'none' and kind ~= 'hash' then return unusable(key, kind) end
  local id = string.sub(key, #prefix + 1)
  local owner = redis.call('HGET', key, 'message_id')
  local before = kind == 'hash' and status_of(key)
  local verdict = string.match(redis.call('GET', tombstone(message)) or '', '^%l+')
  if verdict then
    -- It ran when it was cancelled, and its worker died.
    if verdict == 'cancelled' and owner == message and not has_ended(before) then end_cancelled(id, before) end
    return {verdict, ''}
  end
  local replaces = false
  if before and owner ~= message then
    replaces = has_ended(before)   -- the id is free again: a new task of it
    if owner and not replaces then return {'taken', owner} end
  elseif before and not contains(startable, before) then
    return {'ended', ''}
  end

  if before == '"processing"' and not replaces then   -- its worker died, or no longer held it
    local last = attempt_of(key)
    redis.call('HSET', key, '\31L' .. last % 20, '[' .. last .. ',' .. (redis.call('HGET', key, 'updated_at') or 'null') .. ',' .. now ..
      ',' .. (redis.call('HGET', key, 'worker') or 'null') .. ']')
  end
  local attempt = attempt_of(key) + 1   -- goes on, so that no late write of the old task fits
  if replaces then
    -- The old message may still have to be settled.
    if owner then redis.call('SET', tombstone(owner), 'deleted\n' .. id, 'PX', settling_ms) end
    redis.call('UNLINK', key)
  end
  if replaces or not before then
    redis.call('HSET', key, 'message_id', message, 'attempt', attempt, 'status', '"processing"', 'progress', '0', 'created_at', now,
      'updated_at', now, 'queue', queue, 'actor', actor, 'worker', worker)
    index_new(id, created)
  else
    redis.call('HSET', key, 'message_id', message, 'attempt', attempt, 'status', '"processing"', 'progress', '0', 'updated_at', now,
      'queue', queue, 'actor', actor, 'worker', worker)
    redis.call('HDEL', key, 'error', 'next_attempt_at', 'cancel_requested')
  end
  changed(id, not replaces and before, state_of(key))
  return {'run', attempt}
end

local answer, place, at = {}, 0, 11
while at <= #ARGV do
  local queue, actor, last = ARGV[at], ARGV[at + 1], at + 2 + ARGV[at + 2]
  for i = at + 3, last do
    place = place + 1
    local found = open_one(KEYS[place], ARGV[i], queue, actor)
    answer[2 * place - 1], answer[2 * place] = found[1], found[2]
  end
  at = last + 1
end
return answer
