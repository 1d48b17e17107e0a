-- Promise: digests and encodings of bytes for authors.

local host = require "host"

local M = {}

--- SHA-256 of bytes, in hexadecimal.
function M.sha256(bytes) return host.hash.sha256(bytes) end

--- HMAC-SHA-256 of bytes under a key, in hexadecimal.
function M.hmac_sha256(key, bytes) return host.hash.hmac_sha256(key, bytes) end

--- Bytes as base64 (RFC 4648, padded).
function M.base64(bytes) return host.hash.base64(bytes) end

--- Bytes of a base64 text. @return string, or nil and an error
function M.unbase64(text) return host.hash.unbase64(text) end

--- Bytes in hexadecimal, lower case.
function M.hex(bytes) return host.hash.hex(bytes) end

return M
