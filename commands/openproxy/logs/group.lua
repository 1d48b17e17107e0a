return { about = "The service's own log: follow, save, clear, count" }
