-- Beside gateway-haproxy.cfg: shows each caller's certificate to `sinetti gateway serve`, tells the application who it is,
-- or answers the caller with the gateway's own problem document. HAProxy 2.6 or newer.
local GATEWAY = "unix@/run/sinetti-gateway/gateway.sock"
local WITHIN = 10000 -- milliseconds
local OUR_HEADERS = { "sinetti-customer-id", "sinetti-channel", "sinetti-serial", "sinetti-not-after", "sinetti-days-left" }
local AWAY = '{"type":"about:blank","title":"Service Unavailable","status":503,'
    .. '"detail":"Who calls cannot be checked just now. Nothing was done. Send the same request again later.",'
    .. '"reason":"gateway-away"}'

local function refuse(txn, status, headers, body)
    headers["cache-control"] = { "no-store" }
    txn:done(txn:reply({ status = status, headers = headers, body = body }))
end

local function away(txn)
    refuse(txn, 503, { ["content-type"] = { "application/problem+json" }, ["retry-after"] = { "5" } }, AWAY)
end

local function first(headers, name)
    local values = headers and headers[name]
    return values and (values[0] or values[1])
end

-- The language alone goes along of what the caller sent.
local function asked(txn)
    local headers = { host = { "gateway" } }
    local der = txn.sf:ssl_c_der()
    if der ~= nil and der ~= "" then
        headers["client-cert"] = { ":" .. txn.c:base64(der) .. ":" } -- RFC 9440
    end
    local language = txn.sf:req_fhdr("accept-language")
    if language ~= nil and language ~= "" then
        headers["accept-language"] = { language }
    end
    return headers
end

local function check(txn)
    local reply = core.httpclient():get({
        url = "http://gateway/check", dst = GATEWAY, headers = asked(txn), timeout = WITHIN,
    })
    if reply ~= nil and reply.status == 204 then
        for _, name in ipairs(OUR_HEADERS) do
            local value = first(reply.headers, name)
            if value ~= nil then
                txn.http:req_set_header(name, value)
            end
        end
    elseif reply ~= nil and (reply.status == 401 or reply.status == 403) then
        local headers = {}
        for _, name in ipairs({ "content-type", "content-language", "vary", "www-authenticate", "sinetti-reason" }) do
            local value = first(reply.headers, name)
            if value ~= nil then
                headers[name] = { value }
            end
        end
        refuse(txn, reply.status, headers, reply.body)
    else
        away(txn)
    end
end

-- A failure here lets no caller through.
core.register_action("sinetti_check", { "http-req" }, function(txn)
    check(txn)
    txn:set_var("txn.sinetti_checked", true)
end, 0)
