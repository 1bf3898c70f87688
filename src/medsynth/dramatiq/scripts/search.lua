-- Looks at some payloads of a queue. KEYS: payloads (hash). ARGV: cursor of HSCAN, about how many, bytes above which a payload is
-- passed over, then texts in lower case. Answers the cursor to go on from ("0" at the end), how many were looked at, and the
-- payloads that have one of the texts, letters of ASCII being alike.
need('hash', KEYS[1])
local page = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local largest = tonumber(ARGV[3])
local found = {}
for i = 2, #page[2], 2 do
  local payload = page[2][i]
  if #payload <= largest then
    local text = string.lower(payload)
    for j = 4, #ARGV do
      if string.find(text, ARGV[j], 1, true) then
        found[#found + 1] = payload
        break
      end
    end
  end
end
return {page[1], #page[2] / 2, found}
