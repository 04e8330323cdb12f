PATIENCE_S = 120.0  # a busy machine is slow, not wrong
