-- What has to happen to the log in one step. An entry's id is "0-<number>".
-- "marks" are strings "<number> <size> <time>": the log's newest number at a time of this server, and how many
-- bytes all events up to it have; "size" is that number of bytes now.
local log, latest, seen, marks, size = unpack(KEYS)

local function number(id)
    return tonumber(string.sub(id, 3))
end

local function oldest()
    return number(redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1][1])
end

local function newest()
    local found = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    return found and number(found[1]) or 0
end

local function seconds()
    local time = redis.call('TIME')
    return time[1] + time[2] / 1000000
end

local function mark(place)
    local found = redis.call('LINDEX', marks, place)
    if found then
        local number, upto, at = string.match(found, '(%S+) (%S+) (%S+)')
        return tonumber(number), tonumber(upto), tonumber(at)
    end
end

-- Drop the marks of what is past, and return the number of the last event that is: it was logged at `logged_until` or
-- earlier, or has `bytes` behind it.
local function last_past(logged_until, bytes)
    local first, total, past = oldest(), tonumber(redis.call('GET', size) or 0), 0
    local number, upto, at = mark(0)
    while number and (number < first or at <= logged_until or upto <= total - bytes) do
        redis.call('LPOP', marks)
        past = number
        number, upto, at = mark(0)
    end
    return past
end

-- Note how far the log has come. Fails while the server's memory is full, and then that is not known.
local function add_mark(number, now)
    redis.pcall('RPUSH', marks, string.format('%d %s %.6f', number, redis.call('GET', size) or 0, now))
end

-- trim <how many to keep> <for how many seconds> <how many bytes> <how many numbers to remember>
local function trim(count, age, bytes, remembered)
    if redis.call('XLEN', log) == 0 then
        return 0
    end
    local now, last = seconds(), newest()
    local dropped = redis.call('XTRIM', log, 'MAXLEN', '=', count)
    local first = math.min(last_past(now - age, tonumber(bytes)) + 1, last)
    dropped = dropped + redis.call('XTRIM', log, 'MINID', '=', string.format('0-%d', first))
    redis.call('ZREMRANGEBYSCORE', latest, '-inf', '(' .. oldest())
    redis.call('ZREMRANGEBYSCORE', seen, '-inf', last - remembered)
    local marked, _, at = mark(-1)
    if not marked or (marked < last and (marked + 100 <= last or at <= now - age / 1000)) then
        add_mark(last, now)
    end
    return dropped
end

local function append_one(overhead, token, channel, name, text, tag, sent_at, durable)
    if redis.call('ZSCORE', seen, token) then
        -- It may come once more.
        redis.call('ZADD', seen, newest(), token)
        return nil
    end
    local id = redis.call('XADD', log, '0-*', 'channel', channel, 'name', name, 'text', text, 'tag', tag,
        'sent_at', sent_at, 'durable', durable)
    redis.call('INCRBY', size, overhead + #channel + #name + #text)
    redis.call('ZADD', seen, number(id), token)
    if durable == '1' then
        redis.call('ZADD', latest, number(id), channel)
    end
    return number(id)
end

-- append <trim at multiples of> <the arguments of trim> <bytes of an event's overhead> <whom to tell>
-- <the newest number when they were read from the outbox, or nothing> <seven of append_one>...
-- Returns the newest number and 1, or 0 if what was sent since they were read is not remembered.
local function append(every, count, age, bytes, remembered, overhead, whom, read_at)
    if read_at ~= '' and tonumber(read_at) < newest() - remembered then
        return {newest(), 0}
    end
    local last
    for i = 10, #ARGV, 7 do
        local appended = append_one(overhead, unpack(ARGV, i, i + 6))
        last = appended or last
        if appended and appended % every == 0 then
            trim(count, age, bytes, remembered)
        end
    end
    if last then
        redis.call('PUBLISH', whom, last)
    end
    return {last or newest(), 1}
end

-- begin <tag> <sent_at>: a mark, if there is nothing.
local function begin(tag, sent_at)
    if redis.call('XLEN', log) == 0 then
        redis.call('XADD', log, '0-*', 'channel', '', 'name', 'mark', 'text', '', 'tag', tag,
            'sent_at', sent_at, 'durable', '1')
    end
end

-- look <id> <how many to look at> <how many to find> <channel>...: the entry there, those of the
-- channels behind it, and the last that was looked at if there may be more.
local function look(id, many, most)
    local wanted = {}
    for i = 5, #ARGV do
        wanted[ARGV[i]] = true
    end
    local page = redis.call('XRANGE', log, id, '+', 'COUNT', many)
    local there, found, last = page[1], {}, nil
    for i = 2, #page do
        if #found < tonumber(most) and wanted[page[i][2][2]] then
            found[#found + 1] = page[i]
        end
    end
    if #page == tonumber(many) then
        last = page[#page]
    end
    return { {there}, found, {last} }
end

-- latest_of <channel>...: the newest durable entry of each that has one.
local function latest_of()
    local found = {}
    for i = 2, #ARGV do
        local score = redis.call('ZSCORE', latest, ARGV[i])
        if score then
            local id = '0-' .. score
            found[#found + 1] = redis.call('XRANGE', log, id, id)[1]
        end
    end
    return found
end

local commands = {append = append, begin = begin, latest_of = latest_of, look = look, trim = trim}
return commands[ARGV[1]](unpack(ARGV, 2, 9))
