"""The console: pages for people. So far signing in and a first page; the routes are in `routes`."""
