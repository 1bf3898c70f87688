#!lua flags=allow-oom
-- Messages are about to run: should this worker die, reclaim.lua counts a death of each that is still in `running`.
-- KEYS acks, running, deaths; ARGV id ... Returns what is unusual: the place (from 1), and how many workers died running it, or
-- -1 when the lease was lost: no mark of it stays.
need('set', KEYS[2])
local held = redis.call('SMISMEMBER', KEYS[1], unpack(ARGV))
local died = redis.call('EXISTS', KEYS[3]) == 1 and redis.call('HMGET', KEYS[3], unpack(ARGV)) or {}
redis.call('SADD', KEYS[2], unpack(ARGV))
local answer = {}
for i, id in ipairs(ARGV) do
  local deaths = died[i] and tonumber(died[i])
  if held[i] == 0 then
    deaths = -1
    redis.call('SREM', KEYS[2], id)
  end
  if deaths then
    answer[#answer + 1] = i
    answer[#answer + 1] = deaths
  end
end
return answer
