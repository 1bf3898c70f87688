#!lua flags=allow-oom
-- Counts starts of messages that are still ours, once per worker: "<count> <worker>" under each id.
-- KEYS acks, starts; ARGV worker, id ... Returns what is unusual: the place (from 1), and the earlier starts that were never
-- settled, or -1 when the lease was lost.
local ids = {unpack(ARGV, 2)}
local held = redis.call('SMISMEMBER', KEYS[1], unpack(ids))
local before = redis.call('HMGET', KEYS[2], unpack(ids))
local answer, marks, first = {}, {}, '1 ' .. ARGV[1]
for i, id in ipairs(ids) do
  local earlier, mark = 0, first
  if held[i] == 0 then
    earlier, mark = -1, nil
  elseif before[i] then
    local count, worker = string.match(before[i], '^(%d+) (.-) *$')
    if worker == ARGV[1] then
      earlier, mark = count - 1, nil
    else
      earlier, mark = tonumber(count), count + 1 .. ' ' .. ARGV[1]
    end
  end
  if mark then
    marks[#marks + 1] = id
    marks[#marks + 1] = mark
  end
  if earlier ~= 0 then
    answer[#answer + 1] = i
    answer[#answer + 1] = earlier
  end
end
if #marks > 2 then
  -- Redis searches a small hash from its front, which many ids make slow: a value above 64 bytes makes it a table.
  marks[2] = marks[2] .. string.rep(' ', 65)
end
if #marks > 0 then redis.call('HSET', KEYS[2], unpack(marks)) end
return answer
