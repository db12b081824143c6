"""What runs the loop: files in a batch, a live source, and the progress and reports of both."""
