#!lua flags=allow-oom
-- Counts starts of messages that are still ours, once per worker: "<count> <worker>" under each id.
-- KEYS acks, starts; ARGV worker, id ... Returns for each the earlier starts that were never settled, -1 when the lease was
-- lost.
local ids = {unpack(ARGV, 2)}
local held = redis.call('SMISMEMBER', KEYS[1], unpack(ids))
local before = redis.call('HMGET', KEYS[2], unpack(ids))
local answer, marks = {}, {}
for i, id in ipairs(ids) do
  if held[i] == 0 then
    answer[i] = -1
  else
    local count, worker = string.match(before[i] or '0 ', '^(%d+) (.*)$')
    count = tonumber(count)
    if worker ~= ARGV[1] then
      count = count + 1
      marks[#marks + 1] = id
      marks[#marks + 1] = count .. ' ' .. ARGV[1]
    end
    answer[i] = count - 1
  end
end
if #marks > 0 then redis.call('HSET', KEYS[2], unpack(marks)) end
return answer
