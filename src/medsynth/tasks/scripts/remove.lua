-- Deletes a record. KEYS record. ARGV 8: id. Answers `removed` or `absent`.
local key, id = KEYS[1], ARGV[8]
local kind = kind_of(key)
if kind == 'none' then
  unindex(id)
  return {'absent'}
end
if kind ~= 'hash' then return unusable(key, kind) end
remove(id)
return {'removed'}
