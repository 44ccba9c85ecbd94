"""Results and what people see of them. Nothing here talks to a target."""
