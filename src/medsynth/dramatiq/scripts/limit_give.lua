#!lua flags=allow-oom
-- Gives one place back, and lets those that are left live on. KEYS the counter; ARGV its life (ms). Returns 0 when there was
-- none.
local left = tonumber(redis.call('GET', KEYS[1]) or '0') - 1
if left < 0 then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', left), 'PX', ARGV[1])
return 1
