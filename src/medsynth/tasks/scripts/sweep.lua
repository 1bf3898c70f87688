-- Removes index entries whose record has expired. KEYS expiry index. ARGV 8: at most how many. Answers how many, and
-- whether there may be more.
check_writes()
local removed, more = sweep(tonumber(ARGV[8]))
return {removed, more and 1 or 0}
