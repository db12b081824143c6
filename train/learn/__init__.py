"""The training loop with its state, schedule, batches and checkpoints."""
