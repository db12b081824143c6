"""Files that a viewer drops on the page: upload, masking, download."""
