-- Carries out commands that only read, group after group, until their answers are larger than so many bytes: nobody writes in
-- between. ARGV bytes, commands of a group, then each command as count and words. Returns a list of answers for each group that was
-- read; an error is an answer, too.
local left, together = tonumber(ARGV[1]), tonumber(ARGV[2])

local function size_of(answer)
  if type(answer) == 'string' then return #answer end
  if type(answer) ~= 'table' then return 8 end
  local size = 8
  for _, each in ipairs(answer) do size = size + size_of(each) end
  return size
end

local groups, at = {}, 3
while at <= #ARGV and left > 0 do
  local group = {}
  for i = 1, together do
    local last = at + tonumber(ARGV[at])
    group[i] = redis.pcall(unpack(ARGV, at + 1, last))
    left = left - size_of(group[i])
    at = last + 1
  end
  groups[#groups + 1] = group
end
return groups
