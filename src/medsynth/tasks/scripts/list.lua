-- One page of records, newest first. KEYS index by creation. ARGV from 8: status (JSON, empty for all), limit, offset,
-- score and id of the last record of the page before (empty: by offset), bytes above which a result is left out, then the
-- names of the fields that are wanted (none: all).
-- Answers total, score and id to go on from (empty at the end), per record: id, then either its fields as a list and
-- the bytes of a left-out result (0: none), or the string of an older version, and its score; and how many entries come before
-- the end of the page.
local status, limit, offset, score, last_id, large = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11], ARGV[12], tonumber(ARGV[13])
check_writes()
local most_gone = 1000   -- entries without a record that one call looks at: bounds its work
sweep(most_gone)
local key = status == '' and all or status_index(status)
local at = score == '' and offset or position(key, score, last_id)

local page_bytes, taken = 4194304, 0   -- of one page, unless its only record is larger: it is built at once, by us and by its readers

local wanted = {unpack(ARGV, 14)}

local function fields_of(record)
  if #wanted > 0 then
    local fields = {}
    for i, value in ipairs(redis.call('HMGET', record, unpack(wanted))) do
      if value then
        fields[#fields + 1] = wanted[i]
        fields[#fields + 1] = value
      end
    end
    return fields, 0
  end
  local bytes = redis.call('HSTRLEN', record, 'result')
  if bytes <= large then return redis.call('HGETALL', record), 0 end
  local fields = {}
  for _, name in ipairs(redis.call('HKEYS', record)) do
    if name ~= 'result' then
      fields[#fields + 1] = name
      fields[#fields + 1] = redis.call('HGET', record, name)
    end
  end
  return fields, bytes
end

local rows, gone = {}, {}
repeat
  local batch = redis.call('ZREVRANGE', key, at, at + limit - #rows - 1, 'WITHSCORES')
  for i = 1, #batch, 2 do
    if taken >= page_bytes then break end
    at = at + 1
    last_id, score = batch[i], batch[i + 1]
    local kind = kind_of(prefix .. last_id)
    if kind == 'hash' then
      local fields, bytes = fields_of(prefix .. last_id)
      for _, word in ipairs(fields) do taken = taken + #word end
      rows[#rows + 1] = {last_id, fields, bytes, score}
    elseif kind == 'string' then
      local text = redis.call('GET', prefix .. last_id)
      taken = taken + #text
      rows[#rows + 1] = {last_id, text, 0, score}
    else
      gone[#gone + 1] = last_id
    end
  end
until #rows == limit or #batch == 0 or #gone >= most_gone or taken >= page_bytes

local more = at < redis.call('ZCARD', key)
for _, id in ipairs(gone) do unindex(id) end
return {redis.call('ZCARD', key), more and score or '', more and last_id or '', rows, at - #gone}
