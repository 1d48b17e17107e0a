return { about = "API tokens" }
