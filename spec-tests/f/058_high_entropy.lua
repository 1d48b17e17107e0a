-- REQ-F-058: what looks like a key is masked unless it is asked for.
local S = require "lib.spec"

local function data(...) local r = S.status(S.tool { "fx", "secrets", ... }, 0); return r.envelope.data, r end

S.req("REQ-F-058", "High-entropy field masking", function()
  it("1 to 3 long base64 and JWT are masked, with what may be said about them", function()
    local d, r = data()
    S.equal(r, "[BASE64: 192 bytes]", d.blob, "blob")
    S.equal(r, "[JWT: sub=user_123, exp=2024-03-11T15:00:00Z]", d.jwt, "jwt")
  end)

  it("4 --unmask gives the raw values, an environment variable does not", function()
    local d, r = data "--unmask"
    S.equal(r, ("A"):rep(256), d.blob, "blob")
    S.truth(r, d.jwt:find("^eyJ"), "jwt")
    r = S.tool({ "fx", "secrets" }, { env = { TOOL_UNMASK = "1" } })
    S.equal(r, "[BASE64: 192 bytes]", r.envelope.data.blob, "blob with TOOL_UNMASK=1")
  end)

  it("versions, host names and paths are not taken for keys", function()
    local d, r = data()
    S.equal(r, "2.1.0", d.version, "version")
    S.equal(r, "www.example.com", d.host, "host")
    S.equal(r, "/usr/share/lua/5.4/some/long/path/of/a/file/here", d.path, "path")
  end)

  it("binary values stay decodable, and the manifest's etag and ids stay whole", function()
    local r = S.status(S.tool { "fx", "bytes", "--binary", "--hex", ("ab"):rep(200) }, 0)
    S.equal(r, 200, r.envelope.data.value.size_bytes, "size_bytes")
    S.truth(r, not r.envelope.data.value.value:find("[", 1, true), "the value is masked")
  end)
end)
