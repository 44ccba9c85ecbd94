"""What must hold, one module per area. Nothing here opens a socket, reads a clock or knows a framework."""
