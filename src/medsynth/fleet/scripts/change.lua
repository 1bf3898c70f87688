-- Changes control state and rings the bell. KEYS: control, requests. ARGV: bell channel, what, then pairs or kind, argument.
-- Answers the new version.
need('hash', KEYS[1])
need('zset', KEYS[2])
local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
if ARGV[2] == 'limits' then
  for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], 'limit:' .. ARGV[i], ARGV[i + 1]) end
elseif ARGV[2] == 'reset' then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 6) == 'limit:' then redis.call('HDEL', KEYS[1], field) end
  end
else
  redis.call('ZADD', KEYS[2], version, version .. '\n' .. ARGV[3] .. '\n' .. ARGV[4])
  -- A worker that slept through a hundred requests starts with an empty cache anyway.
  redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -101)
end
ring(ARGV[1], version)
return version
