-- Promise: proves reading and writing of durations, sizes and points in time.

package.path = "lua/?.lua;" .. package.path
local units = require "units"

describe("durations", function()
  it("are read exactly", function()
    for text, ms in pairs { ["1.5s"] = 1500, ["500ms"] = 500, ["2m"] = 120000, ["1h"] = 3600000, ["7d"] = 604800000,
      ["30"] = 30000, ["0.25"] = 250, ["0"] = 0, ["1h30m"] = 5400000, ["1w"] = 604800000, ["1.001s"] = 1001 } do
      local seconds, got = units.duration(text)
      assert.same(ms, got, text)
      assert.same(ms / 1000, seconds)
    end
    assert.same("integer", math.type((units.duration("2m"))))
    assert.same(2.5, (units.duration(2.5)))
  end)

  it("are refused when they are none", function()
    for _, text in ipairs { "", "s", "1x", "-1s", "1s1h", "1s1s", "1 s", "1e9999", "1.2.3s", "1m ",
      "99999999999999999d", "213503982334602d" } do
      local value, why = units.duration(text)
      assert.is_nil(value, text)
      assert.is_string(why)
    end
    assert.is_nil((units.duration(-1)))
    assert.is_nil((units.duration(0 / 0)))
    assert.is_nil((units.duration(nil)))
  end)

  it("are written and read back", function()
    for _, seconds in ipairs { 0, 0.5, 1, 90, 3600, 86400, 90061.001 } do
      assert.same(seconds, (units.duration(units.format_duration(seconds))))
    end
    assert.same("1m30s", units.format_duration(90))
  end)
end)

describe("sizes", function()
  it("are read exactly", function()
    for text, bytes in pairs { ["1MB"] = 1000000, ["64KiB"] = 65536, ["64K"] = 65536, ["12"] = 12, ["1.5kB"] = 1500,
      ["0"] = 0, ["2GiB"] = 2147483648, ["3B"] = 3, ["1 MiB"] = 1048576 } do
      assert.same(bytes, (units.size(text)), text)
    end
    for _, text in ipairs { "", "MB", "-1", "1.5", "1XB", "1.0000001KiB", "9999999TiB", "0x10" } do
      assert.is_nil((units.size(text)), text)
    end
    assert.same(7, (units.size(7)))
    assert.is_nil((units.size(-7)))
  end)

  it("are written for people", function()
    assert.same("1.5KiB", units.format_size(1536))
    assert.same("12B", units.format_size(12))
    assert.same("3MiB", units.format_size(3 << 20))
  end)
end)

describe("datetimes", function()
  it("are normalised to UTC", function()
    for text, expected in pairs {
      ["2024-03-11T14:30:00Z"] = "2024-03-11T14:30:00Z", ["2024-03-11t15:30:00.500+01:00"] = "2024-03-11T14:30:00.5Z",
      ["2024-02-29"] = "2024-02-29T00:00:00Z", ["2023-12-31 23:59:60Z"] = "2024-01-01T00:00:00Z",
      ["2024-01-01T00:00:00-23:59"] = "2024-01-01T23:59:00Z", ["1969-12-31T23:59:59.000Z"] = "1969-12-31T23:59:59Z",
    } do
      assert.same(expected, (units.datetime(text)), text)
    end
    local _, ms = units.datetime("1970-01-01T00:00:01.25Z")
    assert.same(1250, ms)
    assert.same("2024-03-11T14:30:00Z", (units.datetime(1710167400)))
  end)

  it("are refused when there is no such moment", function()
    for _, text in ipairs { "", "2023-02-29", "2024-13-01", "2024-01-32", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00",
      "2024-1-1", "yesterday", "2024-01-01T00:00:00+1", "0000-01-01T00:00:00+01:00", "2024-01-01T00:00:00.Z" } do
      assert.is_nil((units.datetime(text)), text)
    end
  end)

  it("agree with the C library over four centuries", function()
    for days = -36500, 110000, 997 do
      local seconds = days * 86400 + 12345
      local expected = os.date("!%Y-%m-%dT%H:%M:%SZ", seconds)
      assert.same(expected, units.format_datetime(seconds * 1000))
      local _, ms = units.datetime(expected)
      assert.same(seconds * 1000, ms)
    end
    assert.same("1970-01-01T00:00:00.001Z", units.format_datetime(1))
  end)
end)
