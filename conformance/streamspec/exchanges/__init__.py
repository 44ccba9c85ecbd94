"""Named stimuli: what the probe does with a target. The only callers of the probe; nothing here judges."""
