-- Adds blocks to the feed, each once and in order: an entry's id is the block's height.
-- KEYS  leader, blocks
-- ARGV  token, how many to keep, channel, then for each block: height, hash, time in nanoseconds
-- Returns how many were new.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lock of the leader has another token')
end
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local last = newest and tonumber(string.match(newest[1], '^%d+')) or 0
local added = 0
for at = 4, #ARGV, 3 do
  if tonumber(ARGV[at]) > last then
    redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[2], ARGV[at] .. '-0', 'hash', ARGV[at + 1], 'time', ARGV[at + 2])
    last = tonumber(ARGV[at])
    added = added + 1
  end
end
if added > 0 then
  redis.call('PUBLISH', ARGV[3], 'block ' .. string.format('%.0f', last))
end
return added
