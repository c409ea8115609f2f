-- Deletes a job that no longer exists, unless a newer job of its content was published.
-- KEYS: the job, the set of active contents, the reservations of its account. ARGV: its content, its id.
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held).id ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
