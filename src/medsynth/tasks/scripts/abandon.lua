-- Cancels the records of messages that are about to be taken off their queue. KEYS any key of ours. ARGV from 8: id,
-- message_id (JSON) ... A record that runs, has ended, or belongs to another message stays. Answers how many were cancelled.
check_writes()
local count = 0
for i = 8, #ARGV, 2 do
  local key = prefix .. ARGV[i]
  if kind_of(key) == 'hash' and redis.call('HGET', key, 'message_id') == ARGV[i + 1] then
    local before = status_of(key)
    if before == '"pending"' or before == '"retrying"' then
      end_cancelled(ARGV[i], before)
      count = count + 1
    end
  end
end
return count
