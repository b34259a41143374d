-- The commands that change or read several keys of the log atomically. An entry's id is "0-<number>".
-- "marks" are strings "<number> <size> <time>": the newest number at a time of this server's clock, and the bytes of
-- all events up to it. "size" is the number of bytes now.
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

-- Return the number of the last event that exceeds the retention, and drop the marks up to it: it was logged at
-- `logged_until` or earlier, or is followed by `bytes`.
local function last_expired(logged_until, bytes)
    local first, total, expired = oldest(), tonumber(redis.call('GET', size) or 0), 0
    local number, upto, at = mark(0)
    while number and (number < first or at <= logged_until or upto <= total - bytes) do
        redis.call('LPOP', marks)
        expired = number
        number, upto, at = mark(0)
    end
    return expired
end

-- trim <maximum count> <maximum age in seconds> <maximum bytes> <deduplication window>
local function trim(count, age, bytes, window)
    if redis.call('XLEN', log) == 0 then
        return 0
    end
    local now, last = seconds(), newest()
    local dropped = redis.call('XTRIM', log, 'MAXLEN', '=', count)
    local first = math.min(last_expired(now - age, tonumber(bytes)) + 1, last)
    dropped = dropped + redis.call('XTRIM', log, 'MINID', '=', string.format('0-%d', first))
    redis.call('ZREMRANGEBYSCORE', latest, '-inf', '(' .. oldest())
    redis.call('ZREMRANGEBYSCORE', seen, '-inf', last - window)
    local marked, _, at = mark(-1)
    if not marked or (marked < last and (marked + 100 <= last or at <= now - age / 1000)) then
        -- pcall: the server refuses this while its memory is full.
        redis.pcall('RPUSH', marks, string.format('%d %s %.6f', last, redis.call('GET', size) or 0, now))
    end
    return dropped
end

local function append_one(overhead, token, channel, name, text, tag, sent_at, durable)
    if redis.call('ZSCORE', seen, token) then
        -- Remember it for longer: it may be sent again.
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

-- append <trim at multiples of> <four arguments of trim> <bytes of an event's overhead> <pub/sub channel>
-- <the newest number when the events were read from the outbox, or ''> <seven arguments of append_one>...
-- Returns the newest number and 1, or 0 if the deduplication window does not reach back to that read.
local function append(every, count, age, bytes, window, overhead, channel, read_at)
    if read_at ~= '' and tonumber(read_at) < newest() - window then
        return {newest(), 0}
    end
    local last
    for i = 10, #ARGV, 7 do
        local appended = append_one(overhead, unpack(ARGV, i, i + 6))
        last = appended or last
        if appended and appended % every == 0 then
            trim(count, age, bytes, window)
        end
    end
    if last then
        redis.call('PUBLISH', channel, last)
    end
    return {last or newest(), 1}
end

-- create <tag> <sent_at>: add a mark to an empty log.
local function create(tag, sent_at)
    if redis.call('XLEN', log) == 0 then
        redis.call('XADD', log, '0-*', 'channel', '', 'name', 'mark', 'text', '', 'tag', tag,
            'sent_at', sent_at, 'durable', '1')
    end
end

-- read_page <id> <entries to read> <entries to return> <channel>...
-- Returns the entry with that id, later entries of the channels, and the last one that was read if there may be more.
local function read_page(id, count, limit)
    local wanted = {}
    for i = 5, #ARGV do
        wanted[ARGV[i]] = true
    end
    local page = redis.call('XRANGE', log, id, '+', 'COUNT', count)
    local there, found, last = page[1], {}, nil
    for i = 2, #page do
        if #found < tonumber(limit) and wanted[page[i][2][2]] then
            found[#found + 1] = page[i]
        end
    end
    if #page == tonumber(count) then
        last = page[#page]
    end
    return { {there}, found, {last} }
end

-- latest_of <channel>...
-- Returns the newest durable entry of each channel that has one.
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

local commands = {append = append, create = create, latest_of = latest_of, read_page = read_page, trim = trim}
return commands[ARGV[1]](unpack(ARGV, 2, 9))
