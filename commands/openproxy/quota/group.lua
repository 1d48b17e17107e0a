return { about = "What each provider has used" }
