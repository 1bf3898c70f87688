-- Before every script of ours. Redis rolls nothing back: what can fail is asked first, what may fail (a bell) is allowed to.
-- Errors: KEYTYPE, a key that somebody else must put right; NOPERM, a right that is missing; WRONGTYPE, what only this call wants.

local size_of = {hash = 'HLEN', list = 'LLEN', set = 'SCARD', string = 'STRLEN', zset = 'ZCARD'}

-- The key is of that kind, or not there. Its size is the cheapest question that only that kind answers.
local function need_one(word, kind, key)
  local size = redis.pcall(size_of[kind], key)
  if type(size) == 'number' then return end
  local found = redis.call('TYPE', key).ok
  if found == kind or found == 'none' then error(size) end   -- no right to ask, say
  error({err = word .. ' the key ' .. key .. ' holds a ' .. found .. ' where a ' .. kind .. ' belongs: delete or rename it'})
end
local function need(kind, ...)
  for _, key in ipairs({...}) do need_one('KEYTYPE', kind, key) end
end

-- The caller's user may do that. For what follows a write that must not stand alone.
local function may(...)
  if redis.acl_check_cmd and not redis.acl_check_cmd(...) then
    error({err = 'NOPERM this user may not ' .. (...) .. ' ' .. tostring((select(2, ...)))})
  end
end

-- Nobody waits for a bell for ever, so that one may stay silent: without the right to the channel, say.
local function ring(channel, text) redis.pcall('PUBLISH', channel, text) end

-- Commands as arguments: of each a count, and that many words.
local kinds = {HSET = 'hash', HDEL = 'hash', RPUSH = 'list', LPUSH = 'list', ZADD = 'zset', ZREM = 'zset', SADD = 'set', SREM = 'set'}

-- To be asked before anything is written.
local function check_commands(first, last)
  local deleted = {}
  while first <= last do
    local end_of = first + tonumber(ARGV[first])
    local verb, key = ARGV[first + 1], ARGV[first + 2]
    if verb == 'DEL' then deleted[key] = true end
    if kinds[verb] and not deleted[key] then need_one('WRONGTYPE', kinds[verb], key) end
    if verb ~= 'PUBLISH' then may(unpack(ARGV, first + 1, end_of)) end
    first = end_of + 1
  end
end

local function run_commands(first, last)
  while first <= last do
    local end_of = first + tonumber(ARGV[first])
    if ARGV[first + 1] == 'PUBLISH' then
      ring(ARGV[first + 2], ARGV[first + 3])
    else
      redis.call(unpack(ARGV, first + 1, end_of))
    end
    first = end_of + 1
  end
end
