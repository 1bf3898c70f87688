-- Writes fields into a record, for callers without an attempt. KEYS record. ARGV from 8: id; the status that it leads to, empty to
-- stay; what to do when there is no record: `refuse`, `create` (unless it was deleted while its message lives) or `replace` (create,
-- and forget the fields of an existing one, whose attempt is over); number of field words, fields; number of fields of a new record
-- only, these; then the names of fields to forget.
local key, id, to, missing = KEYS[1], ARGV[8], ARGV[9], ARGV[10]
local fields_end = 11 + tonumber(ARGV[11])
local new_end = fields_end + 1 + tonumber(ARGV[fields_end + 1])
local found = redis.pcall('HMGET', key, 'status', 'message_id', 'attempt', 'progress')
if found.err then return unusable(key, kind_of(key)) end

check_writes()
local before, owner, newest, progress = unpack(found)
if not before and redis.call('EXISTS', key) == 1 then before = '"pending"' end
if not before then
  if missing == 'refuse' or (missing == 'create' and redis.call('EXISTS', deleted_mark(id)) == 1) then return {'gone'} end
  set_fields(key, fields_end + 2, new_end)
  index_new(id, now_micros)
  newest = redis.call('HGET', key, 'attempt')
end

if missing == 'replace' and before then
  local kept = {}
  for _, name in ipairs({'created_at', 'message_id', 'queue', 'actor'}) do kept[name] = redis.call('HGET', key, name) end
  redis.call('DEL', key)
  set_fields(key, 12, fields_end)
  for name, value in pairs(kept) do
    if value then redis.call('HSET', key, name, value) end
  end
else
  set_fields(key, 12, fields_end)
end
if missing == 'replace' then
  newest = number_of(newest) + 1
  redis.call('HSET', key, 'attempt', newest)
end
for i = new_end + 1, #ARGV do redis.call('HDEL', key, ARGV[i]) end
for i = 12, fields_end, 2 do
  if ARGV[i] == 'progress' then progress = ARGV[i + 1] end
  if ARGV[i] == 'message_id' then owner = ARGV[i + 1] end   -- only whether there is one counts
end
changed(id, before, to ~= '' and to or before, owner, progress, newest)
return {'written'}
