-- Takes one place under a rate limit, if all counters together leave room. KEYS the counter that grows, then the others that
-- count; ARGV limit, its life (ms). Returns 1 when it was taken.
local taken = 0
for _, key in ipairs(KEYS) do taken = taken + tonumber(redis.call('GET', key) or '0') end
if taken + 1 > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', tonumber(redis.call('GET', KEYS[1]) or '0') + 1), 'PX', ARGV[2])
return 1
