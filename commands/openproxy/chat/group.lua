return { about = "Models, tags and completions through the proxy" }
