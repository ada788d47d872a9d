"""A full-screen page for touch, pen and mouse, and the REST and WebSocket interface behind it.

`sigverify kiosk` serves it; `create_app` (in `app`) is the ASGI application. Start with `kiosk` (who may do
what) and `operations` (the table that both the routes and the OpenAPI description are made of).
"""
