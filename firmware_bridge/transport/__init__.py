"""Where bytes come from and go to: sockets, serial lines, TLS, listeners. It knows no protocol."""
