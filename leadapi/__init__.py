"""leadapi: hands out the whitepaper to visitors who sign up, and takes the comments."""
