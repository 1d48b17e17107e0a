return { about = "Versions of an app" }
