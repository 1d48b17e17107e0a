-- Where things are on the service. Promise: whatever a name holds, it stays one segment of the path.

local url = require "tool.url"

local M = {}

function M.app(app, below) return "/api/v1/apps/" .. url.encode(app) .. (below and "/" .. below or "") end

function M.run(id, below) return ("/api/v1/runs/%d%s"):format(id, below and "/" .. below or "") end

return M
