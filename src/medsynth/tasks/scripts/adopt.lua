-- Rewrites the JSON string of an older version as a hash, if it is still that string. KEYS record. ARGV from 8: id, the
-- string, created (microseconds), then fields. It keeps the TTL that it had.
local key, id, created = KEYS[1], ARGV[8], ARGV[10]
if kind_of(key) ~= 'string' or redis.call('GET', key) ~= ARGV[9] then return {'other'} end
check_writes()
local left = redis.call('PTTL', key)
redis.call('DEL', key)
set_fields(key, 11, #ARGV)
index_new(id, created)
redis.call('ZADD', status_index(status_of(key)), created, id)
if left < 0 then left = ttl end
redis.call('PEXPIRE', key, left)
redis.call('ZADD', expiry, now_ms + left, id)
return {'adopted'}
