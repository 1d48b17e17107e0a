return { about = "Requests, tokens and cost: totals, days, charts, history, a live stream" }
