-- Deletes up to `limit` records, newest first. KEYS index by creation. ARGV from 8: status (JSON, empty for all), limit,
-- score and id of the last entry that was looked at (empty: from the newest), updated_at (JSON) above which a record stays
-- (empty: none stays), id of a record that nobody can read: of unknown age, it goes where none stays. Answers how many, and score and id to go on from (empty at the end).
local status, limit, score, last_id, newest, unreadable = ARGV[8], tonumber(ARGV[9]), ARGV[10], ARGV[11], ARGV[12], ARGV[13]
check_writes()
local key = status == '' and all or status_index(status)
local at = score == '' and 0 or position(key, score, last_id)
local batch = redis.call('ZREVRANGE', key, at, at + limit - 1, 'WITHSCORES')
local removed = 0
for i = 1, #batch, 2 do
  local id = batch[i]
  local kind = kind_of(prefix .. id)
  if kind == 'string' and id ~= unreadable then
    -- An older version wrote over it. C++ makes it comparable and asks again.
    if i == 1 then return {'legacy', redis.call('GET', prefix .. id), id} end
    break
  end
  score, last_id = batch[i + 1], id
  if kind == 'hash' then
    local updated = redis.call('HGET', prefix .. id, 'updated_at') or ''
    -- All that this store writes have the same width, so that their order as bytes is their order in time.
    if newest == '' or (#updated == #newest and not bytes_less(newest, updated)) then
      remove(id)
      removed = removed + 1
    end
  elseif kind ~= 'string' then
    unindex(id)
  elseif newest == '' then
    remove_unreadable(id)
    removed = removed + 1
  end
end
if #batch == 0 then score, last_id = '', '' end
return {'done', removed, score, last_id}
