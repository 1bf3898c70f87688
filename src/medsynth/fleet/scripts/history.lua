-- Adds what a worker did since its last report to the steps that are under way. KEYS: the last hour, the last day (hashes: a
-- step's number modulo how many are kept -> "number ended failed started waited cpu memory"; the last two are the highest, "-"
-- while nobody knows). ARGV: these six, then for each key the seconds of a step and how many are kept.
need('hash', KEYS[1], KEYS[2])
for _, key in ipairs(KEYS) do
  may('HSET', key, '0', '0')
  may('EXPIRE', key, '1')
end

local seconds = tonumber(redis.call('TIME')[1])

local function highest(a, b)
  if a == '-' or b == '-' then return a == '-' and b or a end
  return tonumber(a) > tonumber(b) and a or b
end

local function add(key, length, kept)
  local number = math.floor(seconds / length)
  local slot = string.format('%d', number % kept)
  local words = {}
  for word in string.gmatch(redis.call('HGET', key, slot) or '', '%S+') do words[#words + 1] = word end
  if tonumber(words[1]) ~= number or #words < 7 then words = {number, 0, 0, 0, 0, '-', '-'} end
  for i = 1, 3 do words[i + 1] = string.format('%d', words[i + 1] + ARGV[i]) end
  words[1], words[5] = string.format('%d', number), string.format('%.3f', words[5] + ARGV[4])
  for i = 5, 6 do words[i + 1] = highest(words[i + 1], ARGV[i]) end
  redis.call('HSET', key, slot, table.concat(words, ' '))
  redis.call('EXPIRE', key, length * kept)
end

add(KEYS[1], tonumber(ARGV[7]), tonumber(ARGV[8]))
add(KEYS[2], tonumber(ARGV[9]), tonumber(ARGV[10]))
