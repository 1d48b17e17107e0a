return { about = "The forms of openproxy.v1, and examples of them" }
