-- Publishes a job unless a newer state is published already. Notifies other servers if its status has changed.
-- KEYS: the job, the set of active contents, the reservations of its account, the mark that the copy is current.
-- ARGV: its JSON, its content, 1 if it is active, its reserved tokens, the lifetime in seconds, the lifetime of the mark in milliseconds,
-- the message, the channels of its account, of all accounts and of workers.
local new = cjson.decode(ARGV[1])
local held = redis.call('GET', KEYS[1])
local old = held and cjson.decode(held)
-- Ids sort by time of creation.
if old and (old.id > new.id or (old.id == new.id and old.version > new.version)) then
  return 0
end
if not old or old.id ~= new.id or old.version ~= new.version then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[5])
end
redis.call('SET', KEYS[4], 1, 'PX', ARGV[6])
if ARGV[3] == '1' then
  redis.call('SADD', KEYS[2], ARGV[2])
else
  redis.call('SREM', KEYS[2], ARGV[2])
end
if ARGV[4] ~= '0' then
  redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
else
  redis.call('HDEL', KEYS[3], ARGV[2])
end
if not old or old.id ~= new.id or old.status ~= new.status then
  redis.call('PUBLISH', ARGV[8], ARGV[7])
  redis.call('PUBLISH', ARGV[9], ARGV[7])
  if ARGV[3] == '1' then
    redis.call('PUBLISH', ARGV[10], ARGV[7])
  end
end
return 1
