-- Deletes a record. KEYS record. ARGV 8: id, 9: the string of an older version that nobody can read, where it is one. Answers
-- `removed` or `absent`.
local key, id = KEYS[1], ARGV[8]
local kind = kind_of(key)
check_writes()
if kind == 'none' then
  unindex(id)
  return {'absent'}
end
if kind == 'string' and redis.call('ZSCORE', all, id) and redis.call('GET', key) == ARGV[9] then   -- it is in the index: ours
  remove_unreadable(id)
  return {'removed'}
end
if kind ~= 'hash' then return unusable(key, kind) end
remove(id)
return {'removed'}
