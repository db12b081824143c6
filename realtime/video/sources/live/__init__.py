"""Sources that come at their own pace: cameras, network streams, the screen."""
