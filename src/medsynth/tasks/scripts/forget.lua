-- A message is settled: nobody has to be told any more that it must not run. KEYS tombstone. ARGV 8: message_id (JSON).
local id = string.match(redis.call('GET', KEYS[1]) or '', '\n(.*)$')
redis.call('DEL', KEYS[1])
if id and redis.call('GET', deleted_mark(id)) == ARGV[8] then redis.call('DEL', deleted_mark(id)) end
return {'forgotten'}
