-- Takes note of what an instance has used of its part of a budget, and gives it more. All numbers are relays.
-- KEYS  budget, head, pending
-- ARGV  instance, number of the call, session id, used, of these shown by the log, held, wanted, limit, relays that one entry
--       of the log stands for, age in milliseconds at which an instance counts as dead, milliseconds to keep the budget
-- Returns {held, left for all, live instances}.
--
-- A field `of:<instance>` holds: time, number of the call, used, shown, held, length of the log. What is taken is the sum of
-- what all hold; a dead instance holds what it may have used. `unowned` is what the log shows and nobody accounts for, after
-- a loss.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, number = ARGV[1], tonumber(ARGV[2])
local used, shown, held = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local wanted, limit, stands_for = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local dead_after = tonumber(ARGV[10])
local logged = tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or '0')

local function is_live(instance, seen)
  if now - seen <= dead_after then
    return true
  end
  local mark = redis.call('HGET', KEYS[3], instance)
  local beat = mark and string.match(mark, '^(%d+) ')
  return beat and now - tonumber(beat) <= dead_after
end

local function note(instance, seen, call, u, s, h, l)
  local value = string.format('%.0f %.0f %.0f %.0f %.0f %.0f', seen, call, u, s, h, l)
  redis.call('HSET', KEYS[1], 'of:' .. instance, value)
end

local all = redis.call('HGETALL', KEYS[1])
local mine, unowned, dead = nil, nil, {}
local taken, live, accounted = 0, 1, shown
for at = 1, #all, 2 do
  local instance = string.match(all[at], '^of:(.*)$')
  if instance then
    local seen, call, u, s, h, l = string.match(all[at + 1], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
    seen, call, u, s, h, l = tonumber(seen), tonumber(call), tonumber(u), tonumber(s), tonumber(h), tonumber(l)
    if instance == me then
      mine = {call = call, held = h}
    else
      accounted = accounted + s
      if is_live(instance, seen) then
        live = live + 1
        taken = taken + h
      elseif h > u then
        dead[#dead + 1] = {instance, seen, call, u, s, h, l}
      else
        taken = taken + h
      end
    end
  elseif all[at] == 'unowned' then
    unowned = tonumber(all[at + 1])
  end
end
for _, one in ipairs(dead) do
  local instance, seen, call, u, s, h, l = unpack(one)
  -- Beyond what it reported it can have used no more than the log has gained since, and no more than nobody else accounts for.
  local gained = math.ceil(math.max(0, logged - l) * stands_for)
  local others = accounted - s
  local own = math.ceil(logged * stands_for) - others + (u - s)
  h = math.max(u, math.min(h, u + gained, own))
  note(instance, seen, call, h, s, h, logged)
  taken = taken + h
end

if mine and number <= mine.call then
  -- An older call that was held up on its way.
  return {mine.held, 0, live}
end
if #all == 0 then
  unowned = math.max(0, math.ceil(logged * stands_for) - shown)
elseif not mine and unowned then
  unowned = math.max(0, unowned - shown)
end
if mine then
  -- Less than it thinks when it was taken for dead meanwhile; more when it never heard of its last slice.
  held = math.min(held, mine.held)
end
held = math.max(held, used)
taken = taken + held + (unowned or 0)

local left = math.max(0, limit - taken)
local slice = math.min(wanted, math.max(1, math.floor(left / (4 * live))), left)
held = held + slice
note(me, now, number, used, shown, held, logged)
redis.call('HSET', KEYS[1], 'limit', ARGV[8])
if unowned then
  redis.call('HSET', KEYS[1], 'unowned', string.format('%.0f', unowned))
end
redis.call('PEXPIRE', KEYS[1], ARGV[11])
return {held, left - slice, live}
