"""How much one viewer, and all viewers together, may ask of the server."""

from __future__ import annotations

MOST_VIEWERS = 4
"""Default of --max-viewers. Two cores mask about 60 frames of 640x480 per second, so a fourth viewer still has 15."""
MOST_IN_FLIGHT = 2
"""Frames that were sent to a viewer and not shown yet. With one, the network idles while a picture travels; with three
each frame is older when it is shown, and no more of them are."""

MOST_FRAME_BYTES = 1 << 20
"""Size of one JPEG frame from a viewer. A noisy 640x480 frame of quality 0.8 has 120 kB."""
MOST_MESSAGE_BYTES = 2 * MOST_FRAME_BYTES
"""Size of one message, beyond which the connection ends before the message is read."""
MOST_TEXT_CHARACTERS = 4096
"""Size of one text message, such as all settings."""
LONGEST_SIDE_PX = 1280
"""Longer side of a frame. Frames of the server's source are shrunk to it, a viewer's larger ones are refused."""
MOST_MESSAGES_PER_SECOND = 300
"""A page at 60 frames per second sends 60 frames, 60 receipts and at most 60 settings."""
HEARTBEAT_SECONDS = 15.0
"""Interval of the pings to a viewer. One that is gone without a word is noticed after one and a half of it."""

MOST_UPLOAD_BYTES = 2 << 30
"""Size of one file that a viewer drops on the page."""
MOST_FILE_PIXELS = 64_000_000
"""Size of one picture of a file. A video of 8K has half of it; masking 900 million takes 6 GB."""
MOST_FILES = 8
"""Files of all viewers that are on the server at a time: uploaded, worked on, or not fetched yet."""
KEPT_SECONDS = 900.0
"""How long a masked file waits for its viewer before it is deleted."""
