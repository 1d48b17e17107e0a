return { about = "The profiles, by the names that Tower uses" }
