--- Tokens: how much of a model's window a text takes.
-- Promise: an estimate of the count that cl100k_base gives, made to err on the high side; the vocabulary itself is not
-- shipped. The text is split as that tokenizer splits it, into words, groups of three digits, runs of punctuation and
-- white space, and each piece is charged by its kind and length. The measured error is in docs/decisions/token-count.md.

local tokens = {}

--- The names that --tokenizer takes.
tokens.names = { "estimate" }

-- One hump of a word: a run of lower case, perhaps after one capital. Common words are one token, long ones are not.
local function hump(n)
  if n <= 9 then return 1 end
  return 1 + (n - 5) // 5
end

-- Capitals: short ones are names of their own, long ones fall into pairs.
local function capitals(n)
  if n <= 3 then return 1 end
  return (n + 1) // 2
end

-- A word of ASCII letters.
local function word(text)
  local total = 0
  for upper, lower in text:gmatch("(%u*)(%l*)") do
    local n, m = #upper, #lower
    if m > 0 and n > 1 then
      total = total + capitals(n - 1) + hump(m + 1)
    elseif m > 0 then
      total = total + hump(n + m)
    elseif n > 0 then
      total = total + capitals(n)
    end
  end
  return total
end

-- Letters beside digits are no words: they fall into short pieces.
local function jumble(n)
  return (n * 3 + 4) // 5
end

-- A run of characters outside ASCII: alphabets that are common take fewer tokens than bytes, ideographs about one each.
local function foreign(text)
  local n, lead = #text, text:byte(1)
  if lead == 0xe2 and text:byte(2) ~= 0x80 then return n end    -- rare symbols are their bytes
  if lead >= 0xe0 and lead < 0xf0 then return (n + 2) // 3 end
  if n >= 6 and lead < 0xe0 then return (n + 4) // 5 end
  return (n + 1) // 2
end

local function punctuation(n)
  return n <= 3 and 1 or (n + 1) // 2
end

--- The estimated number of tokens of a text.
function tokens.count(text)
  local total, at, size = 0, 1, #text
  while at <= size do
    local _, stop = text:find("^%a+", at)
    if stop then
      local after = text:byte(stop + 1)
      local beside_digit = after and after >= 48 and after <= 57 or at > 1 and text:find("^%d", at - 1)
      total = total + (beside_digit and jumble(stop - at + 1) or word(text:sub(at, stop)))
    else
      _, stop = text:find("^%d+", at)
      if stop then
        total = total + (stop - at + 3) // 3
      else
        _, stop = text:find("^[\128-\255]+", at)
        if stop then
          total = total + foreign(text:sub(at, stop))
        else
          _, stop = text:find("^%s+", at)
          if stop then
            -- one blank belongs to the word behind it
            if stop > at or not text:find("^%S", stop + 1) or text:byte(at) ~= 32 then total = total + 1 end
          else
            _, stop = text:find("^%p+", at)
            if not stop then stop = at end
            -- _name and .name are pieces of their own
            local joined = stop == at and text:find("^[_./]%a", at)
            if not joined then total = total + punctuation(stop - at + 1) end
          end
        end
      end
    end
    at = stop + 1
  end
  return total + total // 16 -- on the high side
end

return tokens
